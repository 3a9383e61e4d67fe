// The bundle as `node scripts/prepare.mjs` leaves it in dist/bin.
import { readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
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

const lineOf = (text: string) =>
  text.split('\n').findIndex((line) => /^(export )?function buildVersion\(/.test(line));

test('a module that asks where it is is traced to the very line', () => {
  const [map = '', ...others] = maps.filter((name) => lineOf(read(name.replace(/\.map$/, ''))) >= 0);
  expect(others).toEqual([]);
  const traced = new SourceMap(JSON.parse(read(map))).findEntry(lineOf(read(map.replace(/\.map$/, ''))), 0);
  const source = readFileSync(new URL('../src/cli/build-version.ts', import.meta.url), 'utf8');
  expect(lineOf(source)).toBeGreaterThanOrEqual(0);
  expect(traced).toMatchObject({
    originalSource: '../../src/cli/build-version.ts',
    originalLine: lineOf(source),
  });
});

test('a package that is loaded on demand is asked for by its name, wherever it is installed', () => {
  const scripts = newest.filter((name) => name.endsWith('.js'));
  const asked = scripts.flatMap((name) => read(name).match(/\bimport\("[^"]*\bundici\b[^"]*"\)/g) ?? []);
  expect(asked).toEqual(['import("undici")']);
});
