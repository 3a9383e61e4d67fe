import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { FastifyInstance } from 'fastify';
import { expect, test } from 'vitest';
import { Fault } from '../../kernel/fault.ts';
import { type Log, type LogFields, silentLog } from '../../kernel/log.ts';
import { registerLazyFace } from './lazy-face.ts';
import { createHttpServer } from './server.ts';

const options = { log: silentLog, trustedHops: 0, tls: null, isHttps: false };

function openApp(open: () => Promise<FastifyInstance>, log: Log = silentLog): FastifyInstance {
  const app = createHttpServer({ ...options, log });
  registerLazyFace(app, ['/echo', '/echo/:name'], open);
  return app;
}

function echoFace(): FastifyInstance {
  const face = createHttpServer(options);
  face.post('/echo', async (request) => ({ got: request.body }));
  face.get<{ Params: { name: string } }>('/echo/:name', async ({ params }) => params);
  return face;
}

const post = (app: FastifyInstance) => app.inject({ method: 'POST', url: '/echo', payload: { a: 1 } });

test('a lazy face is opened once, with its first request, and answers as if it had always been there', async () => {
  let opened = 0;
  const app = openApp(async () => {
    opened += 1;
    return echoFace();
  });
  await app.ready();
  expect(opened).toBe(0);
  const [first, second, third] = await Promise.all([post(app), post(app), app.inject('/echo/you')]);
  expect(opened).toBe(1);
  expect([first.json(), second.json(), third.json()]).toEqual([
    { got: { a: 1 } },
    { got: { a: 1 } },
    { name: 'you' },
  ]);
  expect(first.headers).toMatchObject({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
  expect(first.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  expect((await app.inject({ method: 'PUT', url: '/echo' })).statusCode).toBe(404);
  await app.close();
});

test('a face that cannot be opened is an error of that request, and the next one tries again', async () => {
  let isBroken = true;
  const app = openApp(async () => {
    if (isBroken) throw new Fault('unavailable', 'Not now.');
    return echoFace();
  });
  expect((await post(app)).statusCode).toBe(503);
  isBroken = false;
  expect((await post(app)).json()).toEqual({ got: { a: 1 } });
  await app.close();
});

test('a face whose code an update has taken away names the missing file and the cure in the log', async () => {
  const logged: LogFields[] = [];
  const log: Log = { ...silentLog, error: (_message, fields = {}) => logged.push(fields) };
  const gone = pathToFileURL(join(tmpdir(), 'latchkey-gone', 'register-echo-ABCD.js'));
  const app = openApp(() => import(gone.href), log);
  const answer = await post(app);
  expect(answer.statusCode).toBe(503);
  expect(answer.body).toContain('Ask the operator to restart it.');
  expect(answer.body).not.toContain('register-echo');
  expect(logged).toHaveLength(1);
  expect(logged[0]?.detail).toContain('restart the server after an update');
  expect(logged[0]?.detail).toContain(fileURLToPath(gone));
  await app.close();
});

test('an opened face is closed with its server', async () => {
  let isClosed = false;
  const app = openApp(async () => {
    const face = echoFace();
    face.addHook('onClose', async () => {
      isClosed = true;
    });
    return face;
  });
  await post(app);
  await app.close();
  expect(isClosed).toBe(true);
});
