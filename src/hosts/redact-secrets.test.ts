import { expect, test } from 'vitest';
import { createRedactor } from './redact-secrets.ts';

const privateKey = '-----BEGIN KEY-----\nPlantedPrivateKeyLineOfSomeLength\n-----END KEY-----\n';
const params = {
  connection: {
    key: 'oauth2',
    fields: {
      clientId: 'client-42',
      client_secret: 'planted/secret+1',
      tokenUrl: 'https://provider.example/token',
      privateKey,
      host: 'provider.example',
    },
    token: {
      access_token: 'planted-access',
      token_type: 'bearer',
      scope: 'files.read',
      authed_user: { access_token: 'planted-user' },
    },
  },
};
const redact = createRedactor([params], ['given-secret', 'short']);

test.each([
  ['refused planted-access', 'refused [redacted]'],
  ['user planted-user', 'user [redacted]'],
  ['GET /?k=planted%2Fsecret%2B1', 'GET /?k=[redacted]'],
  [`header ${Buffer.from('planted/secret+1').toString('base64')}`, 'header [redacted]'],
  ['key PlantedPrivateKeyLineOfSomeLength', 'key [redacted]'],
  ['given-secret', '[redacted]'],
])('%s is shown as %s', (text, shown) => {
  expect(redact(text)).toBe(shown);
});

test('what explains an error stays readable', () => {
  const text = 'bearer token of client-42 for files.read refused by https://provider.example/token: short';
  expect(redact(text)).toBe(text);
});
