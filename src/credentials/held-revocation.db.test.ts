import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { demoClient } from '../../providers/client-registry.ts';
import { type Emulator, startEmulator } from '../../providers/emulator.ts';
import { connectAccount } from '../../testing/connect-account.ts';
import { declareOAuthType, runRevocations, storeCredential } from '../../testing/credential-kit.ts';
import { openTestHouse, type TestHouse } from '../../testing/test-house.ts';
import { firstPage } from '../kernel/page.ts';
import type { Tx } from '../storage/doors.ts';
import type { ConnectionType } from './connection-type.ts';
import type { Credential } from './credential.ts';
import { disconnectGrant } from './disconnect.ts';
import { readConnectionLog } from './log-store.ts';

let house: TestHouse;
let emulator: Emulator;
let widgets: ConnectionType;
beforeAll(async () => {
  house = await openTestHouse();
  emulator = await startEmulator({ set: { rotation: 'always' } });
  widgets = await declareOAuthType(house);
});
afterAll(async () => {
  await emulator.close();
  await house.close();
});

const within = <T>(work: (tx: Tx) => Promise<T>): Promise<T> => house.doors.withTenant(house.tenant, work);
const alive = { expiresInSeconds: 600, dueInSeconds: 300 };
const accountOf = (name: string) => ({ ref: Buffer.alloc(32, name), label: name });
const run = () => runRevocations(house, house.tenant, emulator);
const revokes = () => emulator.ledger.records().filter((record) => record.kind === 'revoke').length;

const store = (label: string) =>
  storeCredential(
    house,
    widgets,
    {
      clientId: demoClient.client_id,
      clientSecret: demoClient.client_secret,
      authorizeUrl: `${emulator.url}/authorize`,
      tokenUrl: `${emulator.url}/token`,
      revokeUrl: `${emulator.url}/revoke`,
    },
    { label },
  );
const disconnect = (credential: Credential) =>
  within((tx) =>
    disconnectGrant({ tx, vault: house.vault, actor: house.owner, credentialId: credential.id }),
  );
const codes = async (credential: Credential) =>
  (
    await within((tx) =>
      readConnectionLog(tx, { connectionId: null, credentialId: credential.id }, firstPage),
    )
  ).items.map((entry) => entry.code);
const revocationOf = async (credential: Credential) =>
  (
    await within((tx) =>
      sql`select attempts, sealed is not null as held, result from revocation
        where credential_id = ${credential.id}`.execute(tx),
    )
  ).rows;

/** Disconnected while the provider was away: its revocation waits to be sent. */
async function leftWaiting(label: string, account: ReturnType<typeof accountOf> | null) {
  const credential = await store(label);
  await connectAccount(house, emulator, credential, { ...alive, account });
  emulator.adjust({ outage: 'unavailable' });
  await disconnect(credential);
  await run();
  emulator.adjust({ outage: 'none' });
  expect(await revocationOf(credential)).toMatchObject([{ attempts: 1, held: true }]);
  return { credential, before: revokes() };
}

test('on a database that may be a copy a disconnect takes nothing back at the provider, and makes up for it later', async () => {
  const credential = await store('On a copy');
  const { accessToken } = await connectAccount(house, emulator, credential, alive);
  await disconnect(credential);
  expect(await runRevocations(house, house.tenant, emulator, false)).toEqual([null]);
  expect(await runRevocations(house, house.tenant, emulator, false)).toEqual([null]);
  // To the original these tokens are alive.
  expect(emulator.isLiveAccessToken(accessToken)).toBe(true);
  expect(await revocationOf(credential)).toMatchObject([{ attempts: 0 }]);
  expect(await run()).toEqual(['done']);
  expect(emulator.isLiveAccessToken(accessToken)).toBe(false);
});

test.each([
  ['that has a name', accountOf('ada')],
  ['that the provider does not name', null],
])(
  'a revocation that waits is not sent when its credential is connected again, to an account %s',
  async (name, account) => {
    const { credential, before } = await leftWaiting(`Again: ${name}`, account);
    const { accessToken } = await connectAccount(house, emulator, credential, { ...alive, account });
    expect(await run()).toEqual(['skipped']);
    expect(revokes()).toBe(before);
    expect(emulator.isLiveAccessToken(accessToken)).toBe(true);
    expect(await revocationOf(credential)).toEqual([{ attempts: 2, held: false, result: 'skipped' }]);
    expect((await codes(credential))[0]).toBe('revocation_skipped');
  },
);

test('nor when another credential of the same app is connected to its account meanwhile', async () => {
  const { before } = await leftWaiting('First of bob', accountOf('bob'));
  const other = await store('Second of bob');
  const { accessToken } = await connectAccount(house, emulator, other, {
    ...alive,
    account: accountOf('bob'),
  });
  expect(await run()).toEqual(['skipped']);
  expect(revokes()).toBe(before);
  expect(emulator.isLiveAccessToken(accessToken)).toBe(true);
});

test('it is sent when its credential is connected to another account', async () => {
  const { credential, before } = await leftWaiting('Other account', accountOf('carol'));
  const { accessToken } = await connectAccount(house, emulator, credential, {
    ...alive,
    account: accountOf('dora'),
  });
  expect(await run()).toEqual(['done']);
  expect(revokes()).toBeGreaterThan(before);
  expect(emulator.isLiveAccessToken(accessToken)).toBe(true);
});

test('it waits while a consent for its account awaits confirmation', async () => {
  const { credential, before } = await leftWaiting('Awaits confirmation', accountOf('erin'));
  const consent = await awaitingConfirmation(credential, accountOf('erin').ref);
  expect(await run()).toEqual([expect.stringMatching(/503|unavailable/)]);
  expect(revokes()).toBe(before);
  await within((tx) =>
    sql`update oauth_authorization set status = 'cancelled' where id = ${consent}`.execute(tx),
  );
  expect(await run()).toEqual(['done']);
});

async function awaitingConfirmation(credential: Credential, accountRef: Buffer): Promise<string> {
  const found = await within((tx) =>
    sql<{ id: string }>`
      insert into oauth_authorization (tenant_id, id, state_hash, browser_hash, credential_id, registration_id,
        auth_client_tenant_id, auth_client_id, policy, redirect_uri, expected_consent_no, snapshot, status, account_ref,
        expires_at)
      select tenant_id, gen_random_uuid(), '\\x01', '\\x02', credential_id, registration_id, auth_client_tenant_id,
        auth_client_id, 'session', 'https://here.example/', 2, '{}', 'exchanged', ${accountRef},
        clock_timestamp() + interval '10 min'
      from revocation where credential_id = ${credential.id} returning id`.execute(tx),
  );
  return found.rows[0]?.id ?? '';
}
