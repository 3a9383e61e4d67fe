import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ServerProcess, startServerProcess } from '../../testing/running-server.ts';
import { setUpOwner } from '../../testing/set-up-owner.ts';
import { needsServer, runShellExamples } from './examples.ts';
import { readPages } from './page.ts';

let data: string;
let server: ServerProcess;
beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'latchkey-docs-'));
  server = startServerProcess({ data });
});
afterAll(async () => {
  server.child.kill('SIGTERM');
  await server.exited;
  await rm(data, { recursive: true, force: true });
});

test('every command that the documentation runs against a server does what the page says', async () => {
  const url = await server.ready;
  await expect.poll(() => server.output(), { timeout: 10_000 }).toContain('/setup?token=');
  const setupUrl = /http\S+\/setup\?token=\S+/.exec(server.output())?.[0] ?? '';
  const { apiToken } = await setUpOwner(url, setupUrl);
  const pages = readPages(fileURLToPath(new URL('../..', import.meta.url))).filter(needsServer);
  expect(pages.map((page) => page.path)).toContain('README.md');
  const env = { LATCHKEY_URL: url, LATCHKEY_TOKEN: apiToken };
  expect(pages.map((page) => runShellExamples(page, env)).filter((finding) => finding !== null)).toEqual([]);
});
