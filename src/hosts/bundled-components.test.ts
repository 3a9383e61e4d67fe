import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findBundledComponents } from './bundled-components.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'bundled-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function put(folder: string, manifest: object, bundle?: string): void {
  mkdirSync(join(root, folder));
  writeFileSync(join(root, folder, 'package.json'), JSON.stringify(manifest));
  if (bundle !== undefined) writeFileSync(join(root, folder, 'index.js'), bundle);
}

test('built components are found in order; other folders and unbuilt ones are left out', async () => {
  put('sftp', { main: 'index.js' }, 'b');
  put('dropbox', { main: 'index.js' }, 'a');
  put('unbuilt', { main: 'index.js' });
  put('testing', {});
  mkdirSync(join(root, 'node_modules'));
  const found = await findBundledComponents(root);
  expect(found.map(({ folder, bundlePath }) => [folder, bundlePath])).toEqual([
    ['dropbox', join(root, 'dropbox', 'index.js')],
    ['sftp', join(root, 'sftp', 'index.js')],
  ]);
});

test('without the folder there are none', async () => {
  expect(await findBundledComponents(join(root, 'nowhere'))).toEqual([]);
});
