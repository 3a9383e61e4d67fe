import { createSocket } from 'node:dgram';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Fault } from '../kernel/fault.ts';
import { silentLog } from '../kernel/log.ts';
import { deferred } from './deferred.ts';
import type { HostLogEntry } from './host-process.ts';
import { createHostPool, type HostPool, type HostPoolOptions } from './pool.ts';
import type { Dial } from './relay.ts';
import type { PerformOutcome, PerformRequest } from './spectral-host.ts';

const fixture = (name: string): string => fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url));
const hostile = fixture('hostile-component.cjs');
const planted = 'planted-secret-7f3a';

const dialAnything: Dial = (host, port) =>
  new Promise((resolve, reject) => {
    const socket = net.connect(port, host, () => resolve(socket));
    socket.on('error', reject);
  });

let pools: HostPool[] = [];
let temporaryDirectory: string;

beforeAll(() => {
  temporaryDirectory = mkdtempSync(join(tmpdir(), 'hosts-test-'));
});
afterAll(() => {
  // A pool that closes leaves nothing behind.
  expect(readdirSync(temporaryDirectory)).toEqual([]);
  rmSync(temporaryDirectory, { recursive: true, force: true });
});
afterEach(async () => {
  for (const pool of pools) await pool.close();
  pools = [];
});

function openPool(options: Partial<HostPoolOptions> = {}): HostPool {
  const pool = createHostPool({ log: silentLog, dial: dialAnything, temporaryDirectory, ...options });
  pools.push(pool);
  return pool;
}

const log: HostLogEntry[] = [];
function step(actionKey: string, params: object = {}, more: Partial<PerformRequest> = {}): PerformRequest {
  log.length = 0;
  return {
    tenant: 'tenant-a',
    bundlePath: hostile,
    actionKey,
    context: {},
    params: { ...params },
    timeoutMs: 20_000,
    onLog: (entry) => log.push(entry),
    ...more,
  };
}

function dataOf(outcome: PerformOutcome): unknown {
  if (outcome.kind !== 'ok') throw new Error(`${outcome.kind}: ${JSON.stringify(outcome)}`);
  return outcome.result.data;
}

type Prey = {
  readonly params: Readonly<Record<string, unknown>>;
  readonly visits: string[];
  readonly dial: Dial;
  readonly close: () => Promise<void>;
};

/** Everything that a component must not reach, each with a bell on it. */
async function layOutPrey(): Promise<Prey> {
  const folder = mkdtempSync(join(tmpdir(), 'prey-'));
  const visits: string[] = [];
  const server = (name: string): http.Server =>
    http.createServer((request, response) => {
      if (request.url !== '/allowed') visits.push(name);
      response.end(planted);
    });
  const listen = (one: net.Server, where: object): Promise<unknown> =>
    new Promise((resolve) => one.listen(where, () => resolve(undefined)));
  const tcp = server('tcp');
  const unix = net.createServer((socket) => {
    visits.push('unix');
    socket.on('error', () => {});
    socket.end(planted);
  });
  const allowed = http.createServer((_request, response) => response.end('allowed'));
  const socketPath = join(folder, 'postgres.sock');
  await listen(tcp, { port: 0, host: '127.0.0.1' });
  await listen(allowed, { port: 0, host: '127.0.0.1' });
  await listen(unix, { path: socketPath, readableAll: true, writableAll: true });
  const udp = createSocket('udp4').on('message', () => visits.push('udp'));
  await new Promise<void>((resolve) => udp.bind(0, '127.0.0.1', resolve));
  const keyPath = join(folder, 'root.key');
  writeFileSync(keyPath, planted, { mode: 0o600 });
  const allowedPort = (allowed.address() as net.AddressInfo).port;
  return {
    params: {
      keyPath,
      socketPath,
      port: (tcp.address() as net.AddressInfo).port,
      udpPort: udp.address().port,
      parentPid: process.pid,
      allowed: { host: 'allowed.example', port: allowedPort },
    },
    visits,
    dial: async (host, port, options) => {
      if (host === 'allowed.example') return dialAnything('127.0.0.1', port, options);
      throw new Fault('egress_refused', 'The address is not allowed.');
    },
    close: async () => {
      udp.close();
      for (const one of [tcp, unix, allowed]) await new Promise((resolve) => one.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** What this machine can do at best; the tests of the jail need it, those of the fallback do not. */
async function strongestHere(): Promise<string> {
  const { kind, reason } = await openPool().isolation();
  return reason === null ? kind : `${kind}: ${reason}`;
}

test('a hostile component in namespaces finds no environment, file, socket, process or address', async (context) => {
  const inForce = await strongestHere();
  await context.annotate(`isolation in force: ${inForce}`);
  if (inForce !== 'namespaces') return context.skip(inForce);
  process.env.PLANTED_SECRET = planted;
  const prey = await layOutPrey();
  try {
    const found = dataOf(await openPool({ dial: prey.dial }).perform(step('snoop', prey.params)));
    expect(found).toMatchObject({
      env: { HOME: '/' },
      ownEnvironment: 'refused: ERR_ACCESS_DENIED',
      parentEnvironment: 'refused: ERR_ACCESS_DENIED',
      key: 'refused: ERR_ACCESS_DENIED',
      folder: 'refused: ERR_ACCESS_DENIED',
      written: 'refused: ERR_ACCESS_DENIED',
      unixSocket: 'refused: EACCES',
      loopback: 'refused: ERR_EGRESS_REFUSED',
      loopbackByName: 'refused: ERR_EGRESS_REFUSED',
      metadata: 'refused: ERR_EGRESS_REFUSED',
      datagram: 'refused: ENETUNREACH',
      spawned: 'refused: ERR_ACCESS_DENIED',
      worker: 'refused: ERR_ACCESS_DENIED',
      binding: 'refused: ERR_ACCESS_DENIED',
      addon: 'refused: ERR_DLOPEN_DISABLED',
      inspector: 'refused: ERR_ACCESS_DENIED',
      signalled: 'refused: ESRCH',
      interfaces: [],
    });
    const { env, descriptors, unixSocketUnderneath } = found as {
      env: object;
      descriptors: Record<string, string>;
      unixSocketUnderneath: string;
    };
    expect(Object.keys(env)).toEqual(['HOME']);
    // Even around our patches there is no such socket in its world.
    expect(unixSocketUnderneath).toMatch(/^refused: -|^no inner classes/);
    expect(Object.values(descriptors).filter((kind) => kind === 'file')).toEqual([]);
    expect(JSON.stringify(found)).not.toContain(planted);
    expect(prey.visits).toEqual([]);
  } finally {
    delete process.env.PLANTED_SECRET;
    await prey.close();
  }
});

test('without namespaces environment and files stay closed, and the pool says that this is not enough', async () => {
  process.env.PLANTED_SECRET = planted;
  const prey = await layOutPrey();
  try {
    const pool = openPool({ isolation: 'none', dial: prey.dial });
    expect(await pool.isolation()).toMatchObject({ kind: 'trusted-components-only' });
    const found = dataOf(await pool.perform(step('snoop', prey.params)));
    expect(found).toMatchObject({
      env: { HOME: '/' },
      ownEnvironment: 'refused: ERR_ACCESS_DENIED',
      parentEnvironment: 'refused: ERR_ACCESS_DENIED',
      key: 'refused: ERR_ACCESS_DENIED',
      unixSocket: 'refused: EACCES',
      loopback: 'refused: ERR_EGRESS_REFUSED',
      metadata: 'refused: ERR_EGRESS_REFUSED',
      spawned: 'refused: ERR_ACCESS_DENIED',
    });
    expect(JSON.stringify(found)).not.toContain(planted);
    expect(prey.visits).not.toContain('tcp');
  } finally {
    delete process.env.PLANTED_SECRET;
    await prey.close();
  }
});

test('a machine without namespaces is refused when they are demanded', async () => {
  const toolless = openPool({ isolation: 'namespaces', temporaryDirectory: '/proc' });
  await expect(toolless.perform(step('echo'))).rejects.toThrow();
});

describe.each(['auto', 'none'] as const)('isolation %s', (isolation) => {
  test('an endless loop and an endless wait are killed at the timeout', async () => {
    const pool = openPool({ isolation });
    for (const action of ['hang', 'wait']) {
      expect(await pool.perform(step(action, {}, { timeoutMs: 300 }))).toEqual({
        kind: 'timeout',
        timeoutMs: 300,
      });
    }
    expect(dataOf(await pool.perform(step('echo', { value: 'still here' })))).toBe('still here');
  });

  test('each way to die is told apart', async () => {
    const pool = openPool({ isolation, maxHeapMb: 64 });
    const reasonOf = async (action: string): Promise<unknown> => {
      const outcome = await pool.perform(step(action));
      return outcome.kind === 'crashed' ? outcome.reason : outcome;
    };
    expect(await reasonOf('exit')).toBe('exit');
    expect(['signal', 'exit']).toContain(await reasonOf('abort'));
    expect(await reasonOf('forge')).toBe('protocol');
    expect(await reasonOf('flood')).toBe('flood');
    expect(await reasonOf('eat')).toBe('memory');
    expect(dataOf(await pool.perform(step('echo', { value: 1 })))).toBe(1);
  });

  test('memory outside the heap has a limit as well', async () => {
    const outcome = await openPool({ isolation, maxHeapMb: 64 }).perform(step('eatBuffers'));
    expect(['crashed', 'error']).toContain(outcome.kind);
  });

  test('a megabyte of output is cut and the step goes on', async () => {
    const pool = openPool({ isolation });
    expect(dataOf(await pool.perform(step('print', { bytes: 1_000_000 })))).toBe('done');
    const written = log.reduce((sum, entry) => sum + entry.message.length, 0);
    expect(written).toBeGreaterThan(100_000);
    expect(written).toBeLessThan(300_000);
    expect(log.some((entry) => entry.message.includes('wrote too much'))).toBe(true);
  });

  test('ordinary clients work over the dialled connections: fetch, https with verification, raw sockets', async () => {
    const key = readFileSync(fixture('localhost-key.pem'));
    const cert = readFileSync(fixture('localhost-cert.pem'));
    const web = http.createServer((request, response) => response.end(`hello ${request.url}`));
    const secure = https.createServer({ key, cert }, (_request, response) => response.end('secured'));
    const echo = net.createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
    for (const one of [web, secure, echo]) {
      await new Promise<void>((resolve) => one.listen(0, '127.0.0.1', resolve));
    }
    const portOf = (one: net.Server): number => (one.address() as net.AddressInfo).port;
    try {
      const pool = openPool({ isolation });
      const url = `http://localhost:${portOf(web)}/x`;
      expect(dataOf(await pool.perform(step('request', { url })))).toBe('hello /x');
      const ca = cert.toString();
      expect(dataOf(await pool.perform(step('tls', { port: portOf(secure), ca })))).toEqual({
        data: 'secured',
        authorized: true,
      });
      expect(await pool.perform(step('tls', { port: portOf(secure) }))).toMatchObject({
        kind: 'error',
        message: expect.stringContaining('self-signed'),
      });
      const bytes = 5 * 1024 * 1024;
      expect(dataOf(await pool.perform(step('upload', { port: portOf(echo), bytes })))).toBe(bytes);
    } finally {
      for (const one of [web, secure, echo]) one.close();
    }
  });

  test('a refused connection is an error with its reason', async () => {
    const dial: Dial = () => Promise.reject(Object.assign(new Error('10.1.2.3'), { code: 'ECONNREFUSED' }));
    const pool = openPool({ isolation, dial });
    expect(await pool.perform(step('request', { url: 'http://service.example/' }))).toMatchObject({
      kind: 'error',
      message: 'fetch failed: connect ECONNREFUSED service.example:80',
    });
  });
});

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
  const limits = { maxFrameBytes: 1024 * 1024, maxJsonBytes: 1024 * 1024 };
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
