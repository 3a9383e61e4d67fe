import { expect, test } from 'vitest';
import { deferred } from './deferred.ts';
import { dataOf, fixture, hostile, log, planted, poolsOfThisFile, step } from './fixtures/host-steps.ts';
import { defaultWireLimits } from './wire.ts';

const openPool = poolsOfThisFile();

test('each step has a process of its own, so nothing of it is there for the next one', async () => {
  const pool = openPool();
  const seen = new Set();
  for (const tenant of ['tenant-a', 'tenant-a', 'tenant-b']) {
    const data = dataOf(await pool.perform(step('identify', { remember: planted }, { tenant })));
    expect(data).toMatchObject({ before: null });
    seen.add((data as { process: number }).process);
  }
  expect(seen.size).toBe(3);
});

test('with reuse allowed a process goes on with the same tenant and bundle only, so many times', async () => {
  const pool = openPool({ maxStepsPerProcess: 3 });
  const run = async (tenant: string): Promise<unknown> =>
    dataOf(await pool.perform(step('identify', { remember: tenant }, { tenant })));
  const processOf = (data: unknown): unknown => (data as { process: number }).process;
  const first = await run('tenant-a');
  const foreign = await run('tenant-b');
  const second = await run('tenant-a');
  expect(second).toEqual({ process: processOf(first), before: 'tenant-a' });
  expect(processOf(foreign)).not.toBe(processOf(first));
  expect(foreign).toMatchObject({ before: null });
  await run('tenant-a');
  expect(processOf(await run('tenant-a'))).not.toBe(processOf(first));
});

test('a process that failed is not used again', async () => {
  const pool = openPool({ maxStepsPerProcess: 3 });
  await pool.perform(step('identify', { remember: 'x' }));
  await pool.perform(step('fail', { message: 'no' }));
  expect(dataOf(await pool.perform(step('identify', { remember: 'x' })))).toMatchObject({ before: null });
});

test('more steps than places wait in line and all arrive', async () => {
  const pool = openPool({ maxProcesses: 2 });
  const outcomes = await Promise.all([1, 2, 3, 4, 5].map((value) => pool.perform(step('echo', { value }))));
  expect(outcomes.map(dataOf)).toEqual([1, 2, 3, 4, 5]);
});

test('the state objects that an action changed come back, beside its result', async () => {
  const context = { instanceState: { count: 4 }, customer: { name: 'Hooli' } };
  const outcome = await openPool().perform(step('change', {}, { context }));
  expect(outcome).toMatchObject({
    kind: 'ok',
    result: { contentType: 'application/json', instanceState: { count: 5 }, crossFlowState: {} },
  });
  expect(dataOf(outcome)).toEqual(expect.arrayContaining(['customer', 'logger', 'instanceState']));
  expect(log).toEqual([{ level: 'warn', message: 'state { changed: true }' }]);
});

test('bytes, dates and undefined pass in both directions', async () => {
  const value = { bytes: Buffer.from('jpeg'), at: new Date(1e12), nothing: undefined, list: [null, -0] };
  expect(dataOf(await openPool().perform(step('echo', { value })))).toStrictEqual(value);
});

test('a connection error names its connection and hides its secret', async () => {
  const connection = {
    key: 'apiKey',
    configVarKey: 'Maps',
    fields: { apiKey: planted, host: 'maps.example' },
  };
  const outcome = await openPool().perform(step('failConnection', { connection }));
  expect(outcome).toMatchObject({
    kind: 'error',
    name: 'ConnectionError',
    message: 'refused with [redacted]',
    isConnectionError: true,
    connection: { key: 'apiKey', configVarKey: 'Maps' },
  });
  expect(JSON.stringify(outcome)).not.toContain(planted);
});

test('an error outside the action ends the step in words', async () => {
  const pool = openPool();
  expect(await pool.perform(step('throwLater'))).toMatchObject({ kind: 'error', message: 'from a timer' });
  expect(await pool.perform(step('missing'))).toMatchObject({
    kind: 'error',
    message: 'The component has no action "missing".',
  });
});

test('a value over the limit is an error of the step, in either direction', async () => {
  const limits = { ...defaultWireLimits, maxFrameBytes: 1024 * 1024, maxJsonBytes: 1024 * 1024 };
  const pool = openPool({ limits });
  expect(await pool.perform(step('echo', { value: Buffer.alloc(2 * 1024 * 1024) }))).toMatchObject({
    kind: 'error',
    message: expect.stringContaining('at most 1048576'),
  });
});

test('an abort kills the step and rejects with its reason', async () => {
  const pool = openPool();
  const abort = new AbortController();
  const started = deferred<void>();
  const onLog = (): void => started.resolve();
  const running = pool.perform(step('hang', {}, { signal: abort.signal, onLog }));
  await started.promise;
  abort.abort(new Error('shutdown'));
  await expect(running).rejects.toThrow('shutdown');
});

test('closing kills what runs and refuses what comes', async () => {
  const pool = openPool();
  await pool.perform(step('echo', { value: 1 }));
  const started = deferred<void>();
  const running = pool.perform(step('hang', {}, { onLog: () => started.resolve() }));
  await started.promise;
  await pool.close();
  expect(await running).toMatchObject({ kind: 'crashed', reason: 'killed' });
  await expect(pool.perform(step('echo'))).rejects.toMatchObject({ code: 'unavailable' });
});

test('a bundle describes itself; one that is none is refused with the cure', async () => {
  const pool = openPool();
  const definition = await pool.describe(hostile);
  expect(definition.key).toBe('hostile');
  expect(definition.actions.echo).toEqual({
    key: 'echo',
    display: { label: 'echo', description: 'echo' },
    inputs: [],
  });
  await expect(pool.describe(fixture('localhost-cert.pem'))).rejects.toMatchObject({ code: 'bad_request' });
  await expect(pool.describe('/nowhere.js')).rejects.toMatchObject({ code: 'not_found' });
});
