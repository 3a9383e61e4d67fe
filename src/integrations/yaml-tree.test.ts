import { expect, test } from 'vitest';
import { Fault } from '../kernel/fault.ts';
import { codeOf, edited, example } from './page-example.fixture.ts';
import { parseDefinition } from './yaml.ts';
import { readYamlTree } from './yaml-tree.ts';

test('aliases are read, and a bomb of them is not expanded', () => {
  const shared = edited(
    'component: { key: dropbox, isPublic: true, version: LATEST }\n      key: oauth2',
    'component: &dropbox { key: dropbox, isPublic: true, version: LATEST }\n      key: oauth2',
  ).replace(
    'component: { key: dropbox, isPublic: true, version: LATEST }\n          key: listFolder',
    'component: *dropbox\n          key: listFolder',
  );
  expect(parseDefinition(shared)).toEqual(parseDefinition(example));
  const bomb = ['a: &a0 [x, x, x, x, x, x, x, x, x, x]'];
  for (let level = 1; level < 12; level += 1) {
    bomb.push(`b${level}: &a${level} [${Array.from({ length: 10 }, () => `*a${level - 1}`).join(', ')}]`);
  }
  expect(codeOf(bomb.join('\n'))).toBe('too_large');
});

test.each([
  ['size', 'x'.repeat(2 * 1024 * 1024 + 1)],
  ['size in bytes', 'ü'.repeat(1024 * 1024 + 1)],
  ['many brackets', '['.repeat(2_000_000)],
  ['closed brackets', `${'['.repeat(60)}${']'.repeat(60)}`],
  ['deep indentation', Array.from({ length: 60 }, (_unused, index) => `${' '.repeat(index)}a:`).join('\n')],
  ['dashes', '- '.repeat(1_000_000)],
  ['question marks', '? '.repeat(20_000)],
  ['closing braces', '}'.repeat(2_000_000)],
  ['percent signs', '%\n'.repeat(1_000_000)],
  ['keys', Array.from({ length: 200_000 }, (_unused, index) => `a${index}: 1`).join('\n')],
  ['aliases', `a: &a 1\nb: [${'*a,'.repeat(600_000)}]`],
  ['deep aliases', deepAliases()],
])('%s: hostile text is refused with a fault', (_name, text) => {
  expect(() => readYamlTree(text)).toThrow(Fault);
});

/** Each line is shallow, yet the last is deeper than recursion bears. */
function deepAliases(): string {
  const lines = ['a0: &a0 [x]'];
  for (let index = 1; index < 100; index += 1) lines.push(`a${index}: &a${index} [*a${index - 1}]`);
  return lines.join('\n');
}

test('twenty thousand keys are read without comparing each with all', () => {
  const keys = Array.from({ length: 20_000 }, (_unused, index) => `k${index}: 1`).join('\n');
  expect(Object.keys(parseDefinition(`${example}\n${keys}`).extra)).toHaveLength(20_001);
});
