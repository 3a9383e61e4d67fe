import fc from 'fast-check';
import { expect, test } from 'vitest';
import { newId, type TenantId } from '../kernel/ids.ts';
import { encodePlace, type Place, recordTypes } from './place.ts';

const installation = '3c0f4f0e-6b1d-4b4e-9a53-0d8a4b5f0c11';

const place = fc.record({
  tenant: fc.constantFrom('a', 'ab', '').map((text) => text as TenantId),
  record: fc.constantFrom(...recordTypes),
  // Few short texts: so that parts that run into each other would collide.
  recordId: fc.string({ maxLength: 3, unit: fc.constantFrom('a', 'b', '\u0000', '\u00e9', '\u0301') }),
  field: fc.string({ maxLength: 3, unit: fc.constantFrom('a', 'b', '\u0000', '\u00e9', '\u0301') }),
  counter: fc.integer({ min: 0, max: 3 }),
});

const same = (a: Place, b: Place) => JSON.stringify(Object.values(a)) === JSON.stringify(Object.values(b));

test('two places have the same bytes only when they are the same place', () => {
  fc.assert(
    fc.property(place, place, (a, b) => {
      const equalBytes = encodePlace(installation, a).equals(encodePlace(installation, b));
      return equalBytes === same(a, b);
    }),
    { numRuns: 100_000 },
  );
});

test('text that UTF-8 would fold together and counters that are not whole are refused', () => {
  const good: Place = { tenant: newId(), record: 'grant', recordId: 'x', field: 'tokens', counter: 0 };
  for (const bad of [
    { ...good, recordId: '\ud800' },
    { ...good, field: 'a\udc00' },
    { ...good, counter: -1 },
    { ...good, counter: 1.5 },
    { ...good, counter: 2 ** 53 },
    { ...good, counter: Number.NaN },
  ]) {
    expect(() => encodePlace(installation, bad)).toThrow(/sealed value|not valid Unicode/);
  }
});
