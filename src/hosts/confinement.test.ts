import { createSocket } from 'node:dgram';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Fault } from '../kernel/fault.ts';
import { dataOf, dialAnything, fixture, log, planted, poolsOfThisFile, step } from './fixtures/host-steps.ts';
import type { Dial } from './relay.ts';

const openPool = poolsOfThisFile();

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
    expect(await reasonOf('stuff')).toBe('protocol');
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
