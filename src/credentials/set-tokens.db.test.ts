import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Emulator, startEmulator } from '../../providers/emulator.ts';
import { connectAccount, createOAuthCredential } from '../../testing/connect-account.ts';
import { grantRow } from '../../testing/credential-kit.ts';
import { openTestHouse, type TestHouse } from '../../testing/test-house.ts';
import { isFault } from '../kernel/fault.ts';
import { type CredentialId, newId } from '../kernel/ids.ts';
import { Plain } from '../kernel/plain.ts';
import { armGrant, failRefresh, releaseAttempt } from './grant-store.ts';
import { type ManualTokens, setTokens } from './set-tokens.ts';

let house: TestHouse;
let emulator: Emulator;
beforeAll(async () => {
  house = await openTestHouse();
  emulator = await startEmulator();
});
afterAll(async () => {
  await emulator.close();
  await house.close();
});

const seen = { consentNo: 1, tokenNo: 1 };

async function connected(): Promise<CredentialId> {
  const credential = await createOAuthCredential(house, emulator);
  await connectAccount(house, emulator, credential, { expiresInSeconds: 300, dueInSeconds: 0 });
  return credential.id;
}

async function arm(id: CredentialId): Promise<string> {
  const attempt = { attemptId: newId<never>() as string, processId: newId<never>(), deadlineSeconds: 25 };
  const armed = await house.doors.withTenant(house.tenant, (tx) => armGrant(tx, id, attempt, seen));
  expect(armed).not.toBeNull();
  return attempt.attemptId;
}

async function setByHand(id: CredentialId, tokens: ManualTokens): Promise<'set' | 'conflict'> {
  const { doors, vault, owner: actor } = house;
  const now = new Date();
  try {
    await doors.withTenant(house.tenant, (tx) =>
      setTokens({ tx, vault, actor, id, tokens, now, random: Math.random }),
    );
    return 'set';
  } catch (error) {
    if (isFault(error, 'conflict')) return 'conflict';
    throw error;
  }
}

const accessToken = Plain.fromText('by-hand');
const consentNo = async (id: CredentialId) => (await grantRow(house, house.tenant, id)).consent_no;

test('while a refresh is under way, a refresh token that it may have spent is not kept under a new consent', async () => {
  const id = await connected();
  const attemptId = await arm(id);
  expect(await setByHand(id, { accessToken })).toBe('conflict');
  expect(await setByHand(id, { extra: { realm: '1' } })).toBe('conflict');
  expect(await consentNo(id)).toBe(1);
  await house.doors.withTenant(house.tenant, (tx) => releaseAttempt(tx, id, attemptId, 0));
  expect(await setByHand(id, { accessToken })).toBe('set');
  expect(await consentNo(id)).toBe(2);
});

test('nor after a refresh whose outcome is unknown', async () => {
  const id = await connected();
  const attemptId = await arm(id);
  const unknown = { outcomeUnknown: true, isSuspect: false, errorCode: 'timeout', errorText: 'No answer.' };
  const times = { retryAfterSeconds: 5, settleSeconds: 10 };
  const write = { ...seen, ...unknown, attemptId, ...times, state: 'degraded' } as const;
  expect(await house.doors.withTenant(house.tenant, (tx) => failRefresh(tx, id, write))).toBe(true);
  expect(await setByHand(id, { accessToken })).toBe('conflict');
});

test('whoever brings the refresh token along need not wait', async () => {
  const id = await connected();
  await arm(id);
  const refreshToken = Plain.fromText('brought-along');
  expect(await setByHand(id, { accessToken, refreshToken })).toBe('set');
  expect(await grantRow(house, house.tenant, id)).toMatchObject({ consent_no: 2, attempt_id: null });
});
