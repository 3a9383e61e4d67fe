import { expect, test } from 'vitest';
import { dataOf, setUpBench } from '../../testing/bench';

const { run, standIn } = setUpBench('legacy-http');

test.each([
  [{ authorizationMethod: 'basic', fields: { username: 'u', password: 'p:w' } }, 'Basic dTpwOnc='],
  [{ authorizationMethod: 'api_key', fields: { api_key: 'key-1' } }, 'Bearer key-1'],
  [{ authorizationMethod: 'oauth2', fields: {}, token: { access_token: 'token-1' } }, 'Bearer token-1'],
  [undefined, undefined],
])('the credential in the context becomes the header %j', async (credential, header) => {
  const service = await standIn(() => ({ body: { answer: 42 } }));
  const outcome = await run('httpGet', { url: service.url }, credential === undefined ? {} : { credential });
  expect(dataOf(outcome)).toEqual({ answer: 42 });
  expect(service.requests[0]?.headers.authorization).toBe(header);
});

test('a body is sent as it is given', async () => {
  const service = await standIn(() => ({ body: 'ok' }));
  await run('httpPost', { url: service.url, body: { a: 1 } });
  await run('httpPost', { url: service.url, body: 'text', contentType: 'text/plain' });
  expect(service.requests.map(({ body, headers }) => [String(body), headers['content-type']])).toEqual([
    ['{"a":1}', 'application/json'],
    ['text', 'text/plain'],
  ]);
});

test('a refusal, a redirect and a credential of no use end the step', async () => {
  const service = await standIn(({ url }) =>
    url.pathname === '/moved'
      ? { status: 302, headers: { location: '/' }, body: '' }
      : { status: 401, body: '' },
  );
  const credential = { authorizationMethod: 'private_key', fields: {} };
  expect(await run('httpGet', { url: service.url })).toMatchObject({
    message: 'GET answered with status 401.',
  });
  expect(await run('httpGet', { url: `${service.url}/moved` })).toMatchObject({
    message: 'GET answered with status 302.',
  });
  expect(await run('httpGet', { url: service.url }, { credential })).toMatchObject({
    kind: 'error',
    message: expect.stringContaining('private_key'),
  });
});
