// What supervisors, and strangers, are told.
import { expect, test } from 'vitest';
import { silentLog } from '../../kernel/log.ts';
import { createReadiness } from '../../kernel/readiness.ts';
import { registerHealth } from './health.ts';
import { createHttpServer } from './server.ts';

function open() {
  let nowMs = 0;
  let lagMs = 0;
  const clock = { now: () => new Date(nowMs), monotonicMs: () => nowMs };
  const readiness = createReadiness({ clock });
  const app = createHttpServer({ log: silentLog, trustedHops: 0, tls: null, isHttps: false });
  registerHealth(app, { loop: { lagMs: () => lagMs }, readiness });
  const ask = async (url: string) => {
    const answer = await app.inject({ url });
    return { status: answer.statusCode, body: answer.json() as unknown };
  };
  return {
    readiness,
    ask,
    pass: (ms: number) => {
      nowMs += ms;
    },
    lag: (ms: number) => {
      lagMs = ms;
    },
  };
}

test('readiness names the first condition that does not hold, and nothing else', async () => {
  const { readiness, ask, pass } = open();
  let isConfirmed = false;
  readiness.add('database', async () => true);
  readiness.add('identity_unconfirmed', () => isConfirmed);
  readiness.add('commits', () => false);
  expect(await ask('/readyz')).toEqual({
    status: 503,
    body: { status: 'not ready', reason: 'identity_unconfirmed' },
  });
  isConfirmed = true;
  pass(1_000);
  expect(await ask('/readyz')).toEqual({ status: 503, body: { status: 'not ready', reason: 'commits' } });
});

test('a condition that throws does not hold, and its words stay inside', async () => {
  const { readiness, ask } = open();
  readiness.add('root_key', () => Promise.reject(new Error('the file /secret/place is gone')));
  expect(await ask('/readyz')).toEqual({ status: 503, body: { status: 'not ready', reason: 'root_key' } });
});

test('a condition that nobody answers does not hold', async () => {
  const { readiness, ask } = open();
  readiness.add('database', () => new Promise(() => {}));
  expect(await ask('/readyz')).toMatchObject({ status: 503, body: { reason: 'database' } });
});

test('a thousand strangers who ask at once cost one look', async () => {
  const { readiness, ask, pass } = open();
  let looks = 0;
  readiness.add('database', async () => {
    looks += 1;
    return true;
  });
  const answers = await Promise.all(Array.from({ length: 1_000 }, () => ask('/readyz')));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  expect(looks).toBe(1);
  pass(1_000);
  await ask('/readyz');
  expect(looks).toBe(2);
});

test('who asks while an answer is under way shares it, however long it takes', async () => {
  const { readiness, ask, pass } = open();
  let looks = 0;
  let answer = (_holds: boolean) => {};
  readiness.add('database', () => {
    looks += 1;
    return new Promise<boolean>((resolve) => {
      answer = resolve;
    });
  });
  const first = ask('/readyz');
  await expect.poll(() => looks).toBe(1);
  pass(30_000);
  const second = ask('/readyz');
  answer(true);
  expect([(await first).status, (await second).status]).toEqual([200, 200]);
  expect(looks).toBe(1);
});

test('a process is alive while its event loop turns, whatever else is away', async () => {
  const { readiness, ask, lag } = open();
  readiness.add('database', () => false);
  expect(await ask('/livez')).toEqual({ status: 200, body: { status: 'ok' } });
  lag(5_001);
  expect(await ask('/livez')).toEqual({ status: 503, body: { status: 'stuck' } });
  lag(4_999);
  expect((await ask('/livez')).status).toBe(200);
});
