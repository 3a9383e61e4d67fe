import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Candidate, chooseFairly } from './choose-fairly.ts';

const due = (tenantId: string, count: number, providerKey = 'p'): readonly Candidate[] =>
  Array.from({ length: count }, (_, index) => ({
    tenantId,
    providerKey,
    credentialId: `${tenantId}${index}`,
  }));
const ids = (chosen: readonly Candidate[]) => chosen.map(({ credentialId }) => credentialId);

test('one tenant with a million does not keep another waiting', () => {
  const candidates = [...due('a', 1_000), ...due('b', 2)];
  expect(ids(chooseFairly(candidates, { limit: 5, allowed: () => 100 }))).toEqual([
    'a0',
    'b0',
    'a1',
    'b1',
    'a2',
  ]);
});

test('of no provider more is chosen than may be asked, and the others make use of the room', () => {
  const candidates = [...due('a', 50, 'slow'), ...due('b', 50, 'quick'), ...due('c', 50, 'down')];
  const allowed = (providerKey: string) => ({ slow: 3, quick: 100 })[providerKey] ?? 0;
  const chosen = chooseFairly(candidates, { limit: 20, allowed });
  expect(chosen.length).toBe(20);
  expect(chosen.filter(({ providerKey }) => providerKey === 'slow').length).toBe(3);
  expect(chosen.filter(({ providerKey }) => providerKey === 'down')).toEqual([]);
});

test('whatever is due: nothing twice, nothing over the limits, and nothing left while there is room', () => {
  const candidate = fc.record({
    tenantId: fc.constantFrom('a', 'b', 'c'),
    providerKey: fc.constantFrom('p', 'q'),
    credentialId: fc.uuid(),
  });
  fc.assert(
    fc.property(
      fc.uniqueArray(candidate, { selector: (one) => one.credentialId, maxLength: 60 }),
      fc.nat(40),
      fc.nat(20),
      (candidates, limit, each) => {
        const chosen = chooseFairly(candidates, { limit, allowed: () => each });
        expect(new Set(ids(chosen)).size).toBe(chosen.length);
        const of = (all: readonly Candidate[], key: string) =>
          all.filter(({ providerKey }) => providerKey === key).length;
        const room = Math.min(of(candidates, 'p'), each) + Math.min(of(candidates, 'q'), each);
        expect(of(chosen, 'p')).toBeLessThanOrEqual(each);
        expect(chosen.length).toBe(Math.min(limit, room));
      },
    ),
  );
});
