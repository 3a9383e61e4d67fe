import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { copyDatabase } from '../../testing/copied-database.ts';
import { startTestServer } from '../../testing/database-server.ts';
import {
  processesAbout,
  type ServerOptions,
  type ServerProcess,
  startServerProcess,
} from '../../testing/running-server.ts';
import { testWhere } from '../../testing/where.ts';

let folder: string;
const started: ServerProcess[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-start-'));
});
afterEach(async () => {
  for (const server of started.splice(0)) {
    server.child.kill('SIGTERM');
    await server.exited;
  }
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

function run(options: ServerOptions): ServerProcess {
  const server = startServerProcess(options);
  started.push(server);
  return server;
}

/** Ends with exit code 1 and one line on the terminal, which is answered. */
async function refusal(options: ServerOptions): Promise<string> {
  const server = startServerProcess(options);
  const { code } = await server.exited;
  expect(code, server.output()).toBe(1);
  const lines = server.output().trim().split('\n');
  expect(lines, server.output()).toHaveLength(1);
  return lines[0] ?? '';
}

const leftovers = (data: string) =>
  processesAbout(data, execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' }));
const livez = async (url: string) => (await fetch(`${url}/livez`)).status;

test('a first start makes a private root key, serves, and offers the set-up link once', async () => {
  const data = join(folder, 'first');
  const server = run({ data });
  const url = await server.ready;
  expect(await livez(url)).toBe(200);
  expect(execFileSync('stat', ['-c', '%a', join(data, 'root.key')], { encoding: 'utf8' }).trim()).toBe('600');
  await expect
    .poll(() => server.output())
    .toMatch(/Set up the first owner: http:\/\/127\.0\.0\.1:\d+\/setup\?token=\S{43,}/);
});

test('SIGTERM drains, leaves no process behind, and the next start finds everything in place', async () => {
  const data = join(folder, 'first');
  const server = run({ data });
  await server.ready;
  server.child.kill('SIGTERM');
  expect((await server.exited).code).toBe(0);
  expect(leftovers(data)).toEqual([]);
  expect(await livez(await run({ data }).ready)).toBe(200);
});

test('SIGINT to npm itself stops the server and its database too', async () => {
  const data = join(folder, 'npm');
  const server = run({ data, throughNpm: true });
  await server.ready;
  server.child.kill('SIGINT');
  await server.exited;
  await expect.poll(() => leftovers(data), { timeout: 15_000 }).toEqual([]);
});

test('after kill -9 the next start works', async () => {
  const data = join(folder, 'killed');
  const server = run({ data });
  await server.ready;
  server.child.kill('SIGKILL');
  await server.exited;
  expect(await livez(await run({ data }).ready)).toBe(200);
});

const isOutside = process.env.DATABASE_URL !== undefined;

testWhere(isOutside, 'needs a database in DATABASE_URL')(
  'with an outside database the first start makes the data directory, and the next one finds it',
  async () => {
    const { server, stop } = await startTestServer();
    const database = await copyDatabase(server, { migrated: false });
    try {
      const options = { data: join(folder, 'not', 'there'), env: { DATABASE_URL: database.url ?? '' } };
      const first = run(options);
      expect(await livez(await first.ready)).toBe(200);
      first.child.kill('SIGTERM');
      expect(await first.exited).toMatchObject({ code: 0 });
      const next = run(options);
      expect(await livez(await next.ready)).toBe(200);
      // Nothing was made anew.
      expect(next.output()).not.toContain('Keep a copy');
      next.child.kill('SIGTERM');
      await next.exited;
    } finally {
      await database.drop();
      await stop();
    }
  },
);

test('a second start on the same directory is refused in one line and disturbs nobody', async () => {
  const data = join(folder, 'twice');
  const url = await run({ data }).ready;
  expect(await refusal({ data })).toMatch(/already|another|in use/i);
  expect(await livez(url)).toBe(200);
});

test('an occupied port is refused in one line', async () => {
  const blocker = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => blocker.once('listening', resolve));
  const address = blocker.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  try {
    expect(await refusal({ data: join(folder, 'port'), port })).toContain(`Port ${port}`);
  } finally {
    blocker.close();
  }
});

test('a missing or a foreign root key is refused, and nothing is written', async () => {
  const data = join(folder, 'keys');
  const server = run({ data });
  await server.ready;
  server.child.kill('SIGTERM');
  await server.exited;
  const key = join(data, 'root.key');
  await rename(key, join(folder, 'aside'));
  expect(await refusal({ data })).toMatch(/root key/i);
  expect(existsSync(key)).toBe(false);
  const other = run({ data: join(folder, 'other-keys') });
  await other.ready;
  await writeFile(key, readFileSync(join(folder, 'other-keys', 'root.key')), { mode: 0o600 });
  expect(await refusal({ data })).toMatch(/root key/i);
  await rename(join(folder, 'aside'), key);
  expect(await livez(await run({ data }).ready)).toBe(200);
});

test('a data directory that cannot be used is refused in one line', async () => {
  const file = join(folder, 'a-file');
  await writeFile(file, '');
  expect(await refusal({ data: join(file, 'data') })).toContain('LATCHKEY_DATA');
});

test('verification of TLS certificates cannot be switched off, and nothing is written', async () => {
  const data = join(folder, 'tls');
  await mkdir(data);
  const line = await refusal({ data, env: { NODE_TLS_REJECT_UNAUTHORIZED: '0', NODE_NO_WARNINGS: '1' } });
  expect(line).toContain('NODE_TLS_REJECT_UNAUTHORIZED');
  expect(readdirSync(data)).toEqual([]);
});

test('plain http to other machines is refused', async () => {
  expect(await refusal({ data: join(folder, 'open'), env: { HOST: '0.0.0.0' } })).toContain('TLS_CERT_FILE');
});

test.each([
  ['TLS files that are not there', { TLS_CERT_FILE: '/nope', TLS_KEY_FILE: '/nope2' }, 'TLS_CERT_FILE=/nope'],
  ['mail without a sender', { SMTP_URL: 'smtps://mail.example.com' }, 'Set MAIL_FROM'],
  [
    'an address that is not here',
    { HOST: '192.0.2.1', PUBLIC_URL: 'https://a.example', LATCHKEY_TRUSTED_HOPS: '1' },
    'HOST',
  ],
])('%s: refused in one line, and nothing is written', async (_, env, words) => {
  const data = join(folder, 'settings');
  expect(await refusal({ data, env })).toContain(words);
  expect(existsSync(data)).toBe(false);
});

test('a folder postgres that we did not make is refused in one line', async () => {
  const data = join(folder, 'foreign');
  await mkdir(join(data, 'postgres', 'theirs'), { recursive: true });
  expect(await refusal({ data })).toContain('no PG_VERSION');
  expect(readdirSync(data, { recursive: true })).toEqual(['postgres', 'postgres/theirs']);
});
