import { expect, test } from 'vitest';
import { resultRedirect } from './result-redirect.ts';

const origins = ['https://app.example.com'];
const params = {
  instanceId: 'SW5zdGFuY2U6MQ==',
  instanceName: 'Hooli & Sons #1 é',
  integrationId: 'i',
  integrationName: 'Photos',
  requiredConfigVariableId: 'r',
  requiredConfigVariableKey: 'Dropbox Connection',
  id: 'c',
};
const snapshot = {
  successRedirect: 'https://app.example.com/ok?keep=1&id=mine',
  failureRedirect: 'https://app.example.com/no',
  redirectParams: params,
};

test('M2-M5 the seven parameters arrive as they are, beside what the address had', () => {
  const url = new URL(resultRedirect(snapshot, { kind: 'success' }, origins) ?? '');
  expect(Object.fromEntries(url.searchParams)).toEqual({ keep: '1', ...params });
});

test('M4 a failure carries the same parameters, and what went wrong', () => {
  const outcome = { kind: 'failure', error: 'access_denied', description: 'no & <b>no</b>\u2026' } as const;
  const url = new URL(resultRedirect(snapshot, outcome, origins) ?? '');
  expect(Object.fromEntries(url.searchParams)).toEqual({
    ...params,
    error: 'access_denied',
    error_description: 'no & <b>no</b>…',
  });
  expect(url.href).not.toContain('<');
});

test('what does not exist is absent, and names that are not ours are not sent', () => {
  const own = {
    ...snapshot,
    successRedirect: 'https://app.example.com/ok',
    redirectParams: { id: 'c', evil: 'x', __proto__: 'y' },
  };
  expect(resultRedirect(own, { kind: 'success' }, origins)).toBe('https://app.example.com/ok?id=c');
  expect(resultRedirect({ ...own, successRedirect: null }, { kind: 'success' }, origins)).toBeNull();
});
