// What the command line says when there is no server to ask.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCli } from '../../testing/run-cli.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
let data: string;
beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'latchkey-command-'));
});
afterAll(() => rm(data, { recursive: true, force: true }));

test('--version prints the version of the package', async () => {
  const manifest: unknown = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const { code, stdout, stderr } = await runCli(data, ['--version']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(manifest).toMatchObject({ version: stdout.trim() });
});

test('where no server runs, a command says so', async () => {
  const { code, stderr } = await runCli(data, ['people', 'list']);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^latchkey: No server runs on this data directory\. .*LATCHKEY_DATA.*\n$/);
});

test('who may not open the server’s socket is told whose command it is', async () => {
  await chmod(data, 0o000);
  // Nothing is closed to root, so another user tries.
  const identity = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  const { status, stderr } = spawnSync(
    process.execPath,
    [join(root, 'dist', 'bin', 'latchkey.js'), 'people', 'list'],
    { ...identity, env: { PATH: process.env.PATH, LATCHKEY_DATA: data }, encoding: 'utf8' },
  );
  await chmod(data, 0o700);
  expect(status).toBe(1);
  expect(stderr).toBe(
    `latchkey: This user may not open ${data}/operator.sock (EACCES). Run the command as the user that runs the server.\n`,
  );
});
