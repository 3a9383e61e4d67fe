import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { situations } from './situation.ts';

test('the page tells every situation and its cure in the words of the code, and no other', () => {
  const page = readFileSync(new URL('../../docs/how-refresh-works.md', import.meta.url), 'utf8');
  const table = page.split('| situation | is | who acts | cure |\n|---|---|---|---|\n')[1]?.split('\n\n')[0];
  const rows = Object.entries(situations).map(
    ([key, { text, needs, cure }]) => `| \`${key}\` | ${text} | ${needs} | ${cure} |`,
  );
  expect(table?.split('\n')).toEqual(rows);
});
