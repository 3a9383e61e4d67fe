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

test('secrets that overlap or hold each other leave no remains', () => {
  const overlapping = createRedactor([], ['one-two-three', 'three-four', 'two-three', 'four-five']);
  expect(overlapping('x one-two-three-four y two-three z four-five one-two-three-four-five')).toBe(
    'x [redacted] y [redacted] z [redacted] [redacted]',
  );
});

test('two secrets side by side are two', () => {
  expect(createRedactor([], ['secret 1', 'secret 2'])('secret 1secret 2!')).toBe('[redacted][redacted]!');
});

test('half a character in a secret is no reason to fail', () => {
  expect(createRedactor([], ['half \ud800 of it'])('say half \ud800 of it')).toBe('say [redacted]');
});

test('however many secrets a payload names, those of the connection and those near the top are found', () => {
  const flood = {
    results: { body: { token: Array.from({ length: 50_000 }, (_, at) => `token ${at} of a flood`) } },
  };
  const crowded = createRedactor([flood, { apiKey: 'near-the-top' }], ['known-for-certain']);
  expect(crowded('near-the-top and known-for-certain and token 7 of a flood')).toBe(
    '[redacted] and [redacted] and [redacted]',
  );
  expect(crowded('token 49999 of a flood')).toBe('token 49999 of a flood');
});
