import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { mutants } from '../model/mutants.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const page = readFileSync(join(root, 'docs/model-check.md'), 'utf8');
const rows = [...page.matchAll(/^\| `([a-z-]+)` \|.*\| (.+) \|$/gm)].map(([, mutant = '', place = '']) => ({
  mutant,
  // What stands between the backticks of the last column.
  spans: [...place.matchAll(/`([^`]+)`/g)].map(([, span = '']) => span),
}));

/** Every word of the code, without that of its tests. */
const words = new Set(
  readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'))
    .flatMap((path) => readFileSync(join(root, 'src', path), 'utf8').match(/\w+/g) ?? []),
);

test('the page tells of every mutant, and of no other', () => {
  expect(rows.map(({ mutant }) => mutant).sort()).toEqual(mutants.map(({ name }) => name).sort());
});

test.each(rows)('the place of the rule that $mutant changes is in the code', ({ spans }) => {
  expect(spans).not.toEqual([]);
  const isFile = (span: string) => span.endsWith('.ts');
  expect(spans.filter((span) => isFile(span) && !existsSync(join(root, 'src', span)))).toEqual([]);
  const named = spans.filter((span) => !isFile(span)).flatMap((span) => span.match(/\w+/g) ?? []);
  expect(named.filter((word) => !words.has(word))).toEqual([]);
});
