// A database that stops answering without a word (a host that lost its power, a firewall that forgot us) keeps nobody waiting.
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kysely, PostgresDialect, sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { FreshDatabase } from '../../testing/copied-database.ts';
import { freshDatabase } from '../../testing/fresh-database.ts';
import { isFault } from '../kernel/fault.ts';
import { silentLog } from '../kernel/log.ts';
import { createPipeline } from './pipeline.ts';
import { createPool, kyselyPool } from './pool.ts';

let fresh: FreshDatabase;
let folder: string;
let server: net.Server;
let isSilent = false;
const through = new Set<net.Socket>();
beforeAll(async () => {
  fresh = await freshDatabase();
  folder = await mkdtemp(join(tmpdir(), 'lk-silent-'));
  const { host = '', port = 5432 } = fresh.login('app');
  server = net.createServer((near) => {
    const far = host.startsWith('/')
      ? net.connect(join(host, `.s.PGSQL.${port}`))
      : net.connect(Number(port), host);
    for (const one of [near, far]) one.on('error', () => {});
    near.on('data', (bytes) => {
      if (!isSilent) far.write(bytes);
    });
    far.on('data', (bytes) => near.write(bytes));
    near.on('close', () => far.destroy());
    through.add(near);
  });
  server.listen(join(folder, '.s.PGSQL.5432'));
  await once(server, 'listening');
});
beforeEach(() => {
  isSilent = false;
});
afterAll(async () => {
  for (const socket of through) socket.destroy();
  server.close();
  await rm(folder, { recursive: true, force: true });
  await fresh.drop();
});

const openPool = (readOnly: boolean) => {
  const { options = '', ...login } = fresh.login('app');
  return createPool(
    { ...login, host: folder, port: 5432 },
    options
      .split(/-c /)
      .filter((one) => one !== '')
      .map((one) => one.trim()),
    {
      max: 1,
      statementTimeoutMs: 200,
      readOnly,
      name: 'silent',
      log: silentLog,
    },
  );
};
const one = { name: 'one', text: 'select 1', values: [] };
const outcome = (work: Promise<unknown>) =>
  work.then(
    () => 'answered',
    (error: unknown) => (isFault(error, 'unavailable') ? 'unavailable' : error),
  );

test('a read that gets no answer fails, and the next one has a new connection', async () => {
  const pool = openPool(true);
  const pipeline = createPipeline(pool, 1);
  expect(await outcome(pipeline.run(null, [one]))).toBe('answered');
  isSilent = true;
  expect(await outcome(pipeline.run(null, [one]))).toBe('unavailable');
  isSilent = false;
  expect(await outcome(pipeline.run(null, [one]))).toBe('answered');
  pipeline.close();
  await pool.end();
});

test('so does a statement of a transaction', async () => {
  const pool = openPool(false);
  const rows = new Kysely({ dialect: new PostgresDialect({ pool: kyselyPool(pool) }) });
  const ask = () => rows.transaction().execute((tx) => sql`select 1`.execute(tx));
  expect(await outcome(ask())).toBe('answered');
  isSilent = true;
  expect(await outcome(ask())).toBe('unavailable');
  isSilent = false;
  expect(await outcome(ask())).toBe('answered');
  await pool.end();
});

test('so does a statement that the job queue sends, on a connection of its own or on any', async () => {
  const pool = openPool(false);
  const onItsOwn = async () => {
    const client = await pool.connect();
    try {
      return await client.query('select 1');
    } finally {
      client.release();
    }
  };
  for (const ask of [() => pool.query('select 1'), onItsOwn]) {
    isSilent = false;
    await ask();
    isSilent = true;
    await expect(ask()).rejects.toThrow('did not answer in time');
  }
  await pool.end();
});

test('an answer that came while we stood still counts', async () => {
  const pool = openPool(true);
  const pipeline = createPipeline(pool, 1);
  await pipeline.run(null, [one]);
  const answer = outcome(pipeline.run(null, [one]));
  const until = performance.now() + 2_500;
  while (performance.now() < until);
  expect(await answer).toBe('answered');
  pipeline.close();
  await pool.end();
});
