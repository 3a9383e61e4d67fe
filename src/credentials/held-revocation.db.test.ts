import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { demoClient } from '../../providers/client-registry.ts';
import { type Emulator, startEmulator } from '../../providers/emulator.ts';
import { connectAccount } from '../../testing/connect-account.ts';
import { declareOAuthType, runRevocations, storeCredential } from '../../testing/credential-kit.ts';
import { openTestHouse, type TestHouse } from '../../testing/test-house.ts';
import { disconnectGrant } from './disconnect.ts';

let house: TestHouse;
let emulator: Emulator;
beforeAll(async () => {
  house = await openTestHouse();
  emulator = await startEmulator({ set: { rotation: 'always' } });
});
afterAll(async () => {
  await emulator.close();
  await house.close();
});

test('on a database that may be a copy a disconnect takes nothing back at the provider, and makes up for it later', async () => {
  const credential = await storeCredential(house, await declareOAuthType(house), {
    clientId: demoClient.client_id,
    clientSecret: demoClient.client_secret,
    authorizeUrl: `${emulator.url}/authorize`,
    tokenUrl: `${emulator.url}/token`,
    revokeUrl: `${emulator.url}/revoke`,
  });
  const { accessToken } = await connectAccount(house, emulator, credential, {
    expiresInSeconds: 600,
    dueInSeconds: 300,
  });
  await house.doors.withTenant(house.tenant, (tx) =>
    disconnectGrant({ tx, vault: house.vault, actor: house.owner, credentialId: credential.id }),
  );
  expect(await runRevocations(house, house.tenant, emulator, false)).toEqual([null]);
  expect(await runRevocations(house, house.tenant, emulator, false)).toEqual([null]);
  // To the original these tokens are alive.
  expect(emulator.isLiveAccessToken(accessToken)).toBe(true);
  const { rows } = await house.doors.withTenant(house.tenant, (tx) =>
    sql`select attempts from revocation where credential_id = ${credential.id}`.execute(tx),
  );
  expect(rows).toEqual([{ attempts: 0 }]);
  expect(await runRevocations(house, house.tenant, emulator)).toEqual(['done']);
  expect(emulator.isLiveAccessToken(accessToken)).toBe(false);
});
