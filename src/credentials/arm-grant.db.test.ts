import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Emulator, startEmulator } from '../../providers/emulator.ts';
import { connectAccount, createOAuthCredential } from '../../testing/connect-account.ts';
import { openTestHouse, type TestHouse } from '../../testing/test-house.ts';
import { newId } from '../kernel/ids.ts';
import { armGrant } from './grant-store.ts';

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

test('a grant is armed only by whoever has seen its newest token', async () => {
  const credential = await createOAuthCredential(house, emulator);
  await connectAccount(house, emulator, credential, { expiresInSeconds: 300, dueInSeconds: 0 });
  const arm = (consentNo: number, tokenNo: number) =>
    house.doors.withTenant(house.tenant, (tx) => {
      const attempt = { attemptId: newId<never>(), processId: newId<never>(), deadlineSeconds: 25 };
      return armGrant(tx, credential.id, attempt, { consentNo, tokenNo });
    });
  expect(await arm(1, 0)).toBeNull();
  expect(await arm(0, 1)).toBeNull();
  expect(await arm(1, 1)).not.toBeNull();
  expect(await arm(1, 1)).toBeNull();
});
