import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lessonOf } from './learned-lifetime.ts';

test('a refused token teaches how long it lived, by one report never less than half of what was assumed', () => {
  expect(lessonOf({ livedSeconds: 2_400.9, assumedSeconds: 3_600 })).toBe(2_400);
  expect(lessonOf({ livedSeconds: 130, assumedSeconds: 3_600 })).toBe(1_800);
  expect(lessonOf({ livedSeconds: 1, assumedSeconds: 200 })).toBe(120);
});

test('what lived as long as assumed, or is assumed to live two minutes, teaches nothing', () => {
  expect(lessonOf({ livedSeconds: 3_600, assumedSeconds: 3_600 })).toBe(null);
  expect(lessonOf({ livedSeconds: 4_000, assumedSeconds: 3_600 })).toBe(null);
  expect(lessonOf({ livedSeconds: 5, assumedSeconds: 120 })).toBe(null);
  expect(lessonOf({ livedSeconds: 5, assumedSeconds: 60 })).toBe(null);
});

test('whatever is reported, and however often, two minutes are the floor', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 4_000 }), { maxLength: 50 }), (reports) => {
      let assumed = 3_600;
      for (const livedSeconds of reports)
        assumed = lessonOf({ livedSeconds, assumedSeconds: assumed }) ?? assumed;
      return assumed >= 120 && assumed <= 3_600;
    }),
    { numRuns: 10_000 },
  );
});
