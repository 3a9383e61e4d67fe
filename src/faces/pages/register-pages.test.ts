import { expect, test } from 'vitest';
import { silentLog } from '../../kernel/log.ts';
import { createHttpServer } from '../http/server.ts';
import { registerPages } from './register-pages.ts';

test('the address that the server prints when it is ready leads to a page', async () => {
  const app = createHttpServer({ log: silentLog, trustedHops: 0, tls: null, isHttps: false });
  registerPages(app);
  const { statusCode, headers } = await app.inject({ url: '/' });
  expect([statusCode, headers.location]).toEqual([303, '/account']);
  await app.close();
});
