// How a running server ends while a request is under way: its body is still on its way when the signals come.
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type ServerProcess, startServerProcess } from '../../testing/running-server.ts';

let data: string;
const opened: { server: ServerProcess; socket: Socket }[] = [];
beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'latchkey-stop-'));
});
afterEach(async () => {
  for (const { server, socket } of opened.splice(0)) {
    socket.destroy();
    server.child.kill('SIGKILL');
    await server.exited;
  }
});
// The database of a server that left at once takes a moment longer.
afterAll(() => rm(data, { recursive: true, force: true, maxRetries: 20 }));

/** A server with half of a request. */
async function busyServer() {
  const server = startServerProcess({ data });
  const { port } = new URL(await server.ready);
  const socket = connect(Number(port), '127.0.0.1');
  opened.push({ server, socket });
  let answer = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    answer += chunk;
  });
  socket.on('error', () => {});
  const head = [
    'POST /sign-in HTTP/1.1',
    'Host: localhost',
    'Content-Type: application/x-www-form-urlencoded',
    'Content-Length: 2',
  ];
  await new Promise<void>((resolve) => socket.write(`${head.join('\r\n')}\r\n\r\na`, () => resolve()));
  // The server has read all that was sent once it answers another.
  await fetch(`http://127.0.0.1:${port}/livez`);
  return { server, finish: () => socket.write('='), answer: () => answer };
}

test('the SIGINTs of one Ctrl-C are one: what is under way is answered, and the exit code is 0', async () => {
  const { server, finish, answer } = await busyServer();
  server.child.kill('SIGINT');
  // Two are usual. The kernel makes one of those that come before a busy process has looked, so here are more.
  for (let echo = 0; echo < 10; echo += 1) {
    await sleep(5);
    server.child.kill('SIGINT');
  }
  await expect.poll(() => server.output()).toContain('SIGINT: finishing what is under way');
  expect(answer()).toBe('');
  finish();
  expect(await server.exited).toEqual({ code: 0, signal: null });
  expect(answer()).toMatch(/^HTTP\/1\.1 [24]/);
  expect(server.output().match(/finishing/g)).toHaveLength(1);
});

test('who asks again after a second does not wait for what is under way', async () => {
  const { server, answer } = await busyServer();
  const startedAt = performance.now();
  const asking = setInterval(() => server.child.kill('SIGINT'), 200);
  server.child.kill('SIGINT');
  try {
    expect(await server.exited).toEqual({ code: 1, signal: null });
  } finally {
    clearInterval(asking);
  }
  const tookMs = performance.now() - startedAt;
  expect(tookMs).toBeGreaterThan(950);
  expect(tookMs).toBeLessThan(6_000);
  expect(answer()).toBe('');
});
