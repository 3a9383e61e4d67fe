// Judged by the plainest search there is.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createLiteralFinder } from './find-literals.ts';

/** Marks every unit that some literal covers, then reads off the stretches; literals that only touch stay apart. */
function findPlainly(literals: readonly string[], text: string) {
  const matches = literals
    .flatMap((literal) =>
      Array.from({ length: text.length }, (_, start) => ({ start, end: start + literal.length })).filter(
        ({ start }) => literal !== '' && text.startsWith(literal, start),
      ),
    )
    .toSorted((one, other) => one.start - other.start || other.end - one.end);
  const found: { start: number; end: number }[] = [];
  for (const { start, end } of matches) {
    const last = found.at(-1);
    if (last !== undefined && start < last.end) last.end = Math.max(last.end, end);
    else found.push({ start, end });
  }
  return found;
}

// Few letters, so that literals overlap and hold each other.
const literal = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 6 });
const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'd'), maxLength: 60 });

test('finds what a plain search for each literal finds', () => {
  fc.assert(
    fc.property(fc.array(literal, { maxLength: 8 }), text, (literals, searched) => {
      expect(createLiteralFinder(literals)(searched)).toEqual(findPlainly(literals, searched));
    }),
    { numRuns: 2_000 },
  );
});

test('without literals nothing is found', () => {
  expect(createLiteralFinder([])('abc')).toEqual([]);
});
