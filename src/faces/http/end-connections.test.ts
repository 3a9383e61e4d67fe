// A server that is told to close does so, whatever its clients keep open.
import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import Fastify, { type FastifyInstance } from 'fastify';
import { expect, test } from 'vitest';
import { endConnectionsOnClose } from './end-connections.ts';

type Gate = { readonly open: () => void; readonly opened: Promise<void> };

function gate(): Gate {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

async function listening(graceMs: number) {
  const app: FastifyInstance = Fastify();
  endConnectionsOnClose(app, graceMs);
  const [arrived, released] = [gate(), gate()];
  app.get('/slow', async () => {
    arrived.open();
    await released.opened;
    return 'answered';
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  return { app, port, arrived: arrived.opened, release: released.open };
}

async function dial(port: number): Promise<{ socket: Socket; said: () => string; ended: Promise<unknown> }> {
  const socket = connect(port, '127.0.0.1');
  let said = '';
  socket.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  socket.on('error', () => {});
  await once(socket, 'connect');
  return { socket, said: () => said, ended: once(socket, 'close') };
}

const slowRequest = 'GET /slow HTTP/1.1\r\nHost: here\r\nConnection: keep-alive\r\n\r\n';

test('a request under way is answered, and its connection ends though its client would keep it', async () => {
  const { app, port, arrived, release } = await listening(60_000);
  const { socket, said, ended } = await dial(port);
  socket.write(slowRequest);
  await arrived;
  const closed = app.close();
  // The listener has closed, and with it every connection that was idle then.
  await expect.poll(() => app.server.listening).toBe(false);
  release();
  await closed;
  await ended;
  expect(said()).toContain('200 OK');
  expect(said()).toContain('answered');
});

test('a connection that never said anything does not keep the server', async () => {
  const { app, port } = await listening(60_000);
  const { ended } = await dial(port);
  await app.close();
  await ended;
});

test('a request that is never answered keeps it no longer than the limit', async () => {
  const { app, port, arrived, release } = await listening(100);
  const { socket, said, ended } = await dial(port);
  socket.write(slowRequest);
  await arrived;
  await app.close();
  await ended;
  expect(said()).toBe('');
  release();
});
