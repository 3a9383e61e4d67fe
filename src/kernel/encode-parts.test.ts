import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeParts } from './encode-parts.ts';

test('parts never run into each other, whatever bytes they hold', () => {
  const part = fc.uint8Array({ maxLength: 6, max: 2 }).map((bytes) => Buffer.from(bytes));
  const parts = fc.array(part, { maxLength: 3 });
  const shape = (list: readonly Buffer[]) => list.map((bytes) => bytes.toString('hex')).join('|');
  fc.assert(
    fc.property(parts, parts, (a, b) => {
      const equalBytes = encodeParts(a).equals(encodeParts(b));
      return equalBytes === (a.length === b.length && shape(a) === shape(b));
    }),
    { numRuns: 100_000 },
  );
});

test('text that UTF-8 would fold together is refused', () => {
  expect(() => encodeParts(['\ud800'])).toThrow('not valid Unicode');
  expect(() => encodeParts(['a\udc00b'])).toThrow('not valid Unicode');
});
