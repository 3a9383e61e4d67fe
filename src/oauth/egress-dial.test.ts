import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { silentLog } from '../kernel/log.ts';
import { createDial, EgressFault, type EgressOptions } from './egress.ts';

let server: Server;
let port = 0;
let connections = 0;
beforeAll(async () => {
  server = createServer((socket) => {
    connections += 1;
    socket.on('error', () => {});
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
afterAll(() => server.close());

function dial(host: string, options: Partial<EgressOptions> = {}, at = port): Promise<Socket> {
  const signal = new AbortController().signal;
  return createDial({ allow: [], log: silentLog, ...options })(host, at, { tenant: 'tenant', signal });
}

async function refusalOf(work: Promise<Socket>): Promise<EgressFault> {
  const result = await work.catch((error: unknown) => error);
  if (!(result instanceof EgressFault)) throw new Error('it was not refused');
  return result;
}

test('addresses of the inside are not dialled, however they are spelled', async () => {
  const before = connections;
  const spellings = [
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f000001',
    '0177.0.0.1',
    '0.0.0.0',
    '::1',
    '[::1]',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '10.0.0.1',
    '192.168.1.1',
    '169.254.169.254',
    'fe80::1',
    'fd00::1',
    '64:ff9b::7f00:1',
    'local host',
    'a/b',
    '',
  ];
  for (const host of spellings) {
    const fault = await refusalOf(dial(host, { resolve: async () => ['127.0.0.1'] }));
    expect(fault.wasSent, host).toBe(false);
  }
  expect(connections).toBe(before);
});

test('a name is judged by every address that it has, and says nothing of the inside', async () => {
  const before = connections;
  const inside = await refusalOf(dial('inside.example', { resolve: async () => ['127.0.0.1'] }));
  const mixed = await refusalOf(
    dial('mixed.example', { resolve: async () => ['93.184.216.34', '127.0.0.1'] }),
  );
  const absent = await refusalOf(
    dial('absent.example', {
      resolve: async () => {
        throw new Error('ENOTFOUND');
      },
    }),
  );
  expect(new Set([inside.public, mixed.public, absent.public]).size).toBe(1);
  expect(connections).toBe(before);
});

test('what the operator lists is dialled on that port, and bytes flow both ways', async () => {
  const socket = await dial('localhost', {
    allow: [`localhost:${port}`],
    resolve: async () => ['127.0.0.1'],
  });
  socket.write('there and back');
  const [echo] = await new Promise<[Buffer]>((resolve) => socket.once('data', (data) => resolve([data])));
  expect(echo.toString()).toBe('there and back');
  socket.destroy();
  await refusalOf(
    dial('localhost', { allow: [`localhost:${port + 1}`], resolve: async () => ['127.0.0.1'] }),
  );
  const byBlock = await dial('127.0.0.1', { allow: ['127.0.0.0/8'] });
  byBlock.destroy();
});

test('the address that was judged is the one that is dialled: the name is asked once', async () => {
  let asked = 0;
  const socket = await dial('once.example', {
    allow: ['127.0.0.1'],
    resolve: async () => {
      asked += 1;
      return ['127.0.0.1'];
    },
  });
  expect(asked).toBe(1);
  expect(socket.remoteAddress).toBe('127.0.0.1');
  socket.destroy();
});

test('an aborted call does not wait for its name', async () => {
  const call = new AbortController();
  const open = createDial({ allow: [], log: silentLog, resolve: () => new Promise(() => {}) })(
    'slow.example',
    443,
    { tenant: 'tenant', signal: call.signal },
  );
  call.abort();
  await refusalOf(open);
});
