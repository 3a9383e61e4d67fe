// What the server itself answers, before any face has a say.
import { expect, test } from 'vitest';
import { silentLog } from '../../kernel/log.ts';
import { createHttpServer } from './server.ts';

const open = () => {
  const app = createHttpServer({ log: silentLog, trustedHops: 0, tls: null, isHttps: true });
  app.get('/things/:word', async () => 'thing');
  return app;
};

test('an address that cannot be read, or names too much, is answered as every other one, without repeating it', async () => {
  const app = open();
  for (const [url, status] of [
    ['/things/secret-%E0%A4%A', 400],
    [`/things/secret-${'y'.repeat(500)}`, 404],
    ['/nothing', 404],
  ] as const) {
    const answer = await app.inject({ url });
    expect([url, answer.statusCode]).toEqual([url, status]);
    expect(answer.json()).toMatchObject({
      error: { message: expect.any(String), requestId: expect.any(String) },
    });
    expect(answer.body).not.toContain('secret');
    expect(answer.headers).toMatchObject({
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'strict-transport-security': expect.stringContaining('max-age'),
      'x-content-type-options': 'nosniff',
      'x-request-id': answer.json().error.requestId,
    });
  }
  await app.close();
});
