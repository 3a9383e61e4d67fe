import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { compileExamples, jsonFindings, markFindings, needsServer, runShellExamples } from './examples.ts';
import { brokenLinks, readPage, readPages } from './page.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const fence = (info: string, text: string) => `\`\`\`${info}\n${text}\n\`\`\`\n`;
const page = (...parts: string[]) => readPage('README.md', parts.join('\n'));

describe('the documentation of this repository', () => {
  const pages = readPages(root);

  test('has no broken link', () => {
    expect(pages.length).toBeGreaterThan(2);
    expect(brokenLinks(root, pages)).toEqual([]);
  });

  test('says of each example whether it is tried', () => {
    expect(pages.flatMap(markFindings)).toEqual([]);
  });

  test('shows commands that work (those that need a server run end to end)', () => {
    const results = pages.filter((one) => !needsServer(one)).map((one) => runShellExamples(one));
    expect(results.filter((result) => result !== null)).toEqual([]);
  });

  test('shows TypeScript that compiles and JSON that parses', () => {
    expect(compileExamples(root, pages)).toBeNull();
    expect(pages.flatMap(jsonFindings)).toEqual([]);
  });
});

describe('an example that does not hold is found', () => {
  test('a command that fails, by the line of its block', () => {
    expect(
      runShellExamples(page(fence('sh test', 'NAME=a'), fence('sh test', '[ "$NAME" = a ]'))),
    ).toBeNull();
    expect(runShellExamples(page(fence('sh test', 'true'), fence('sh test', 'false | cat')))).toMatch(
      /^README.md:5 /,
    );
    expect(runShellExamples(page(fence('sh shown', 'false')))).toBeNull();
  });

  test('a command that prints something else', () => {
    const say = fence('sh test', 'echo one; echo two 42');
    expect(runShellExamples(page(say, fence('text output', 'one\ntwo ...')))).toBeNull();
    expect(runShellExamples(page(say, fence('text output', 'one')))).toMatch(
      /^README.md:5 was really:\none\ntwo 42/,
    );
  });

  test('an example without a mark, with an unknown mark, and an output of nothing', () => {
    expect(markFindings(page(fence('sh', 'true')))).toHaveLength(1);
    expect(markFindings(page(fence('sh tset', 'true')))).toHaveLength(1);
    expect(markFindings(page(fence('ts test server', 'const a = 1;')))).toHaveLength(1);
    expect(markFindings(page(fence('text output', 'a')))).toHaveLength(1);
    expect(markFindings(page(fence('', 'a'), fence('text', 'b'), fence('sh test server', 'c')))).toEqual([]);
  });

  test('TypeScript that does not compile, JSON that does not parse', () => {
    expect(
      compileExamples(root, [page(fence('ts test', 'const a: number = 1;\nexport const b = a;'))]),
    ).toBeNull();
    expect(compileExamples(root, [page(fence('ts test', "export const a: number = 'b';"))])).toMatch(
      /README\.md-1\.ts\(1,14\)/,
    );
    const ours = "import { isUuid } from './src/kernel/ids.ts';\nexport const a: boolean = isUuid('b');";
    expect(compileExamples(root, [page(fence('ts test', ours))])).toBeNull();
    expect(jsonFindings(page(fence('json test', '{"a": 1,}')))).toHaveLength(1);
  });
});

test('a link to nothing is found: file, folder above, heading', () => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-links-'));
  mkdirSync(join(folder, 'docs'));
  writeFileSync(
    join(folder, 'docs/a.md'),
    '# First\n## `code`, twice\n## code twice\n[up](../README.md#what-it-is)\n',
  );
  writeFileSync(
    join(folder, 'README.md'),
    `# What it is\n[a](docs/a.md) [b](docs/a.md#code-twice-1) [c](https://example.com/x) [d](docs/) [e](#what-it-is)
[no](docs/b.md) [no](docs/a.md#second) [no](#nothing) [no](/docs/a.md) [no](../x.md) \`[yes](docs/b.md)\`\n`,
  );
  const broken = brokenLinks(folder, readPages(folder));
  rmSync(folder, { recursive: true });
  expect(broken).toEqual([
    'README.md:3 docs/b.md: no such file',
    'README.md:3 docs/a.md#second: no such heading',
    'README.md:3 #nothing: no such heading',
    'README.md:3 /docs/a.md: no such file',
    'README.md:3 ../x.md: no such file',
  ]);
});
