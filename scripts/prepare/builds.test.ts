import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isBuilt, putBuild } from './builds.mjs';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-builds-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Every build has a chunk of its own, as after a change of the code. */
function build(no: number): void {
  const chunk = `chunk-${no}.js`;
  putBuild(folder, [
    { name: chunk, contents: `chunk ${no}` },
    { name: `${chunk}.map`, contents: '{}' },
    { name: 'latchkey.js', contents: `import './${chunk}'`, mode: 0o777 },
  ]);
}
const chunks = () =>
  readdirSync(folder)
    .filter((name) => name.startsWith('chunk'))
    .toSorted();

test('a server that was started from one of the last ten builds finds its chunks, one from before does not', () => {
  for (let no = 10; no < 20; no += 1) build(no);
  expect(existsSync(join(folder, 'chunk-10.js'))).toBe(true);
  build(20);
  expect(existsSync(join(folder, 'chunk-10.js'))).toBe(false);
  expect(existsSync(join(folder, 'chunk-11.js'))).toBe(true);
  expect(readFileSync(join(folder, 'latchkey.js'), 'utf8')).toBe("import './chunk-20.js'");
  expect(statSync(join(folder, 'latchkey.js')).mode & 0o111).toBeGreaterThan(0);
});

test('builds without a change, or back to what was before, take no chunks from a running server', () => {
  build(1);
  for (let times = 0; times < 20; times += 1) {
    build(2);
    build(3);
    build(3);
  }
  expect(chunks()).toEqual(['chunk-1.js', 'chunk-2.js', 'chunk-3.js', 'chunk-3.js.map']);
});

test.each(['', '[["chunk-2.js', '["chunk-2.js","latchkey.js"]', 'null'])(
  'a list of builds that cannot be understood (%j) takes nothing from a running server, and heals',
  (torn) => {
    build(1);
    build(2);
    writeFileSync(join(folder, 'made.json'), torn);
    expect(isBuilt(folder)).toBe(false);
    build(3);
    expect(isBuilt(folder)).toBe(true);
    expect(chunks()).toEqual(['chunk-1.js', 'chunk-2.js', 'chunk-3.js', 'chunk-3.js.map']);
  },
);

test('a build of which a part is missing is no build', () => {
  expect(isBuilt(folder)).toBe(false);
  build(1);
  expect(isBuilt(folder)).toBe(true);
  rmSync(join(folder, 'chunk-1.js'));
  expect(isBuilt(folder)).toBe(false);
});

test('a build that cannot be written whole leaves the one before whole, and is not taken for one', () => {
  build(1);
  mkdirSync(join(folder, 'chunk-2.js', 'in the way'), { recursive: true });
  expect(() => build(2)).toThrow('chunk-2.js');
  expect(readFileSync(join(folder, 'latchkey.js'), 'utf8')).toBe("import './chunk-1.js'");
  expect(readFileSync(join(folder, 'chunk-1.js'), 'utf8')).toBe('chunk 1');
  expect(readdirSync(folder).filter((name) => /\.\d+$/.test(name))).toEqual([]);
  expect(isBuilt(folder)).toBe(false);
});
