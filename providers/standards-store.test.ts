import { expect, test } from 'vitest';
import { createStandardsStore } from './standards-store.ts';

function createStore() {
  let nowMs = 0;
  const store = createStandardsStore({
    now: () => new Date(nowMs),
    refusal: (description) => new Error(description),
    findClient: () => undefined,
  });
  const pass = (ms: number) => {
    nowMs += ms;
  };
  return { store, pass };
}

test('of two requests that both saw a refresh token unused, only one may use it up', async () => {
  const { store } = createStore();
  const tokens = store.adapter('RefreshToken');
  await store.adapter('Grant').upsert('g', { jti: 'g' });
  await tokens.upsert('r', { grantId: 'g' });
  const seen = await Promise.all([tokens.find('r'), tokens.find('r')]);
  expect(seen.map((payload) => payload?.consumed)).toEqual([undefined, undefined]);
  const outcomes = await Promise.allSettled([tokens.consume('r'), tokens.consume('r')]);
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
});

test('a refresh under way while its grant is revoked does not bring it back to life', async () => {
  const { store } = createStore();
  await store.adapter('Grant').upsert('g', { jti: 'g' });
  await store.adapter('RefreshToken').upsert('old', { grantId: 'g' });
  expect(store.revokeGrant('g')).toBe(true);
  expect(store.isAlive('RefreshToken', 'old')).toBe(false);
  await expect(store.adapter('AccessToken').upsert('new', { grantId: 'g' })).rejects.toThrow('grant revoked');
});

test('rows die by the given clock, to the millisecond', async () => {
  const { store, pass } = createStore();
  await store.adapter('Grant').upsert('g', { jti: 'g' });
  await store.adapter('AccessToken').upsert('a', { grantId: 'g' }, 10);
  pass(9_999);
  expect(store.isAlive('AccessToken', 'a')).toBe(true);
  pass(1);
  expect(store.isAlive('AccessToken', 'a')).toBe(false);
  expect(store.peek('AccessToken', 'a')?.grantId).toBe('g');
});
