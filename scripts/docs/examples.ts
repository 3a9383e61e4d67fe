// Runs what the documentation shows, by the marks that CONTRIBUTING.md describes.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Example, Page } from './page.ts';

const languages = new Set(['sh', 'bash', 'ts', 'typescript', 'json']);
// A page is a few commands; one that hangs must not hang the run.
const pageTimeoutMs = 60_000;

/** Every example in a language that can be tried says whether it is: `test`, `test server` or `shown`. */
export function markFindings(page: Page): string[] {
  return page.examples.flatMap(({ language, words, line }, index) => {
    const mark = words.join(' ');
    const at = `${page.path}:${line} \`\`\`${[language, ...words].join(' ')}`;
    if (mark === 'output') {
      const before = page.examples[index - 1];
      return before !== undefined && isShellTest(before) ? [] : [`${at}: follows no \`\`\`sh test`];
    }
    const marks = language === 'sh' ? ['test', 'test server', 'shown'] : ['test', 'shown'];
    if (languages.has(language) ? marks.includes(mark) : mark === '') return [];
    return [`${at}: say one of ${languages.has(language) ? marks.join(', ') : 'nothing'} after the language`];
  });
}

export function needsServer(page: Page): boolean {
  return page.examples.some((example) => example.words[1] === 'server');
}

/**
 * Runs the shell examples of a page from top to bottom in one shell, in an empty folder: a later one may use what an
 * earlier one set. Null = every command succeeded and printed what the page says.
 */
export function runShellExamples(page: Page, env: Readonly<Record<string, string>> = {}): string | null {
  const shells = page.examples.filter(isShellTest);
  if (shells.length === 0) return null;
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-docs-'));
  try {
    const marker = (line: number) => `@@${page.path}:${line}@@`;
    const script = shells.map((one) => `printf '%s\\n' '${marker(one.line)}'\n${one.text}\n`).join('');
    const result = spawnSync('bash', ['-euo', 'pipefail', '-c', script], {
      cwd: folder,
      encoding: 'utf8',
      timeout: pageTimeoutMs,
      env: { PATH: process.env.PATH, HOME: folder, LANG: 'C.UTF-8', ...env },
    });
    const ran = result.stdout.split(/^@@(.*)@@\n/m);
    if (result.status !== 0) {
      return `${ran.at(-2)} ended with ${result.status ?? result.signal}:\n${ran.at(-1)}${result.stderr}`;
    }
    return (
      shells
        .map((one) => outputFinding(page, one, ran[ran.indexOf(`${page.path}:${one.line}`) + 1] ?? ''))
        .find(Boolean) ?? null
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** An `output` block stands for what the example above it prints; `...` stands for anything. */
function outputFinding(page: Page, example: Example, printed: string): string | null {
  const next = page.examples[page.examples.indexOf(example) + 1];
  if (next?.words.join(' ') !== 'output') return null;
  const pattern = next.text
    .trim()
    .split('...')
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('[\\s\\S]*?');
  return new RegExp(`^${pattern}$`).test(printed.trim())
    ? null
    : `${page.path}:${next.line} was really:\n${printed}`;
}

/** Type-checks the TypeScript examples of all pages with this repository's settings. Null = they compile. */
export function compileExamples(root: string, pages: readonly Page[]): string | null {
  const folder = join(root, '.prepare', `docs-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  try {
    let count = 0;
    for (const page of pages) {
      for (const { language, words, line, text } of page.examples) {
        if (!/^(ts|typescript)$/.test(language) || words[0] !== 'test') continue;
        count += 1;
        const name = `${page.path.replaceAll('/', '-')}-${line}.ts`;
        writeFileSync(join(folder, name), `${importsFromRoot(text)}\nexport {};\n`);
      }
    }
    if (count === 0) return null;
    const config = { extends: '../../tsconfig.json', include: ['.'], exclude: [] };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
    const compiler = join(root, 'node_modules/typescript/bin/tsc');
    const result = spawnSync(process.execPath, [compiler, '--noEmit', '-p', folder], {
      cwd: folder,
      encoding: 'utf8',
    });
    return result.status === 0 ? null : result.stdout + result.stderr;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A relative import means what it would mean in a file at the repository's root, whatever page shows it. */
function importsFromRoot(text: string): string {
  return text.replace(/(\bfrom\s+|\bimport\(\s*)(['"])\.\//g, '$1$2../../');
}

export function jsonFindings(page: Page): string[] {
  return page.examples
    .filter((example) => example.language === 'json' && example.words[0] === 'test')
    .flatMap(({ line, text }) => {
      try {
        JSON.parse(text);
        return [];
      } catch (error) {
        return [`${page.path}:${line} ${String(error)}`];
      }
    });
}

function isShellTest({ language, words }: Example): boolean {
  return (language === 'sh' || language === 'bash') && words[0] === 'test';
}
