// The bundle as `node scripts/prepare.mjs` leaves it in dist/bin.
import { readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const folder = new URL('../dist/bin/', import.meta.url);
const read = (name: string) => readFileSync(new URL(name, folder), 'utf8');
const [newest = []] = JSON.parse(read('made.json')) as string[][];
const maps = newest.filter((name) => name.endsWith('.map'));

test('stack traces name our sources: no file of the bundle is traced to what the compiler made of them', () => {
  const sources = maps.flatMap((name) => (JSON.parse(read(name)) as { sources: string[] }).sources);
  const own = sources.filter((path) => !path.includes('node_modules/'));
  expect(own).toContain('../../src/cli/start.ts');
  expect(own.filter((path) => !path.endsWith('.ts'))).toEqual([]);
});

test('a module that asks where it is is traced to the very line', () => {
  const start = maps.find((name) => name.startsWith('start-')) ?? '';
  const made = read(start.replace(/\.map$/, '')).split('\n');
  const line = made.findIndex((text) => text.startsWith('function buildVersion('));
  const traced = new SourceMap(JSON.parse(read(start))).findEntry(line, 0);
  const source = fileURLToPath(new URL('../src/cli/start.ts', import.meta.url));
  const wanted = readFileSync(source, 'utf8').split('\n');
  expect(traced).toMatchObject({
    originalSource: '../../src/cli/start.ts',
    originalLine: wanted.findIndex((text) => text.startsWith('function buildVersion(')),
  });
});

test('a package that is loaded on demand is asked for by its name, wherever it is installed', () => {
  const scripts = newest.filter((name) => name.endsWith('.js'));
  const asked = scripts.flatMap((name) => read(name).match(/\bimport\("[^"]*\bundici\b[^"]*"\)/g) ?? []);
  expect(asked).toEqual(['import("undici")']);
});
