import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { demoClient } from '../../providers/client-registry.ts';
import { type Emulator, startEmulator } from '../../providers/emulator.ts';
import { faultSchema } from '../../providers/fault.ts';
import { connectAccount } from '../../testing/connect-account.ts';
import {
  declareOAuthType,
  grantRow,
  runRevocations,
  seeCredential,
  storeCredential,
} from '../../testing/credential-kit.ts';
import { openRefreshProcess } from '../../testing/refresh-process.ts';
import { openTestHouse, type TestHouse } from '../../testing/test-house.ts';
import { outcomeOf } from '../../testing/two-tenants.ts';
import type { UnitId } from '../kernel/ids.ts';
import { firstPage } from '../kernel/page.ts';
import { Plain } from '../kernel/plain.ts';
import type { Tx } from '../storage/doors.ts';
import { createCustomer, getUnit } from '../tenancy/unit.ts';
import { setClientSecret } from './client-secret.ts';
import type { ConnectionType } from './connection-type.ts';
import type { Credential } from './credential.ts';
import { deleteCredential } from './delete-credential.ts';
import { deleteUnitWithCredentials } from './delete-unit.ts';
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
beforeEach(async () => {
  await emulator.setMode({ set: { rotation: 'always' } });
  emulator.addClient({ ...demoClient });
});

const within = <T>(work: (tx: Tx) => Promise<T>): Promise<T> => house.doors.withTenant(house.tenant, work);
const alive = { expiresInSeconds: 600, dueInSeconds: 300 };
const accountOf = (name: string) => ({ ref: Buffer.alloc(32, name), label: name });

/** A connected credential whose app knows the emulator's revocation address. */
async function connected(
  label: string,
  timing: Parameters<typeof connectAccount>[3] = alive,
  unitId: UnitId = house.organization.id,
) {
  const values = {
    clientId: demoClient.client_id,
    clientSecret: demoClient.client_secret,
    authorizeUrl: `${emulator.url}/authorize`,
    tokenUrl: `${emulator.url}/token`,
    revokeUrl: `${emulator.url}/revoke`,
  };
  const credential = await storeCredential(house, widgets, values, { label, unitId });
  return { credential, ...(await connectAccount(house, emulator, credential, timing)) };
}
const disconnect = (credential: Credential) =>
  within((tx) =>
    disconnectGrant({ tx, vault: house.vault, actor: house.owner, credentialId: credential.id }),
  );
const remove = (credential: Credential) =>
  within((tx) =>
    deleteCredential({
      tx,
      vault: house.vault,
      actor: house.owner,
      id: credential.id,
      typedName: credential.label,
    }),
  );
/** Resolves when some session waits for a lock that another one holds. */
async function somebodyWaits(): Promise<void> {
  for (let turn = 0; turn < 500; turn += 1) {
    const { rows } = await house.doors.locate((tx) =>
      sql<{ n: number }>`select count(*) as n from pg_locks where not granted`.execute(tx),
    );
    if ((rows[0]?.n ?? 0) > 0) return;
  }
  throw new Error('nobody waits');
}
const revokes = () => emulator.ledger.records().filter((record) => record.kind === 'revoke');
const run = () => runRevocations(house, house.tenant, emulator);
const codes = async (credential: Credential) =>
  (
    await within((tx) =>
      readConnectionLog(tx, { connectionId: null, credentialId: credential.id }, firstPage),
    )
  ).items.map((entry) => entry.code);

test('disconnect empties the row before it answers, and the provider is told afterwards', async () => {
  const { credential, accessToken } = await connected('Plain disconnect');
  expect(emulator.isLiveAccessToken(accessToken)).toBe(true);
  const seen = await disconnect(credential);
  expect(seen.grant).toMatchObject({
    state: 'disconnected',
    consentNo: 2,
    accountLabel: null,
    expiresAt: null,
  });
  expect(seen.isReadyForUse).toBe(false);
  expect(await grantRow(house, house.tenant, credential.id)).toMatchObject({
    ct: null,
    refresh_due_at: null,
    attempt_id: null,
    last_error_code: null,
  });
  expect(emulator.isLiveAccessToken(accessToken)).toBe(true);
  expect(await run()).toEqual(['done']);
  expect(emulator.isLiveAccessToken(accessToken)).toBe(false);
  expect(await codes(credential)).toEqual(['revocation_done', 'disconnected']);
  const waiting = await within((tx) =>
    sql<{ n: number }>`select count(*) as n from revocation where sealed is not null`.execute(tx),
  );
  expect(waiting.rows[0]?.n).toBe(0);
});

test('after a disconnect no token is read, none is refreshed, and a second one changes nothing', async () => {
  const { credential } = await connected('Refreshing stops', { expiresInSeconds: 20, dueInSeconds: 0 });
  const one = await openRefreshProcess(house, emulator);
  await one.reader.readToken({ tenant: house.tenant, credentialId: credential.id, minTtlSeconds: 0 });
  await disconnect(credential);
  const count = emulator.ledger.records().filter((record) => record.kind === 'refresh').length;
  await one.refresher.runOnce();
  for (const read of [one.reader.readToken, one.reader.forceRefresh]) {
    await expect(read({ tenant: house.tenant, credentialId: credential.id })).rejects.toMatchObject({
      code: 'needs_authorization',
      message: 'The account was disconnected.',
    });
  }
  expect(emulator.ledger.records().filter((record) => record.kind === 'refresh').length).toBe(count);
  expect((await disconnect(credential)).grant?.consentNo).toBe(2);
  expect((await codes(credential)).filter((code) => code === 'disconnected')).toHaveLength(1);
  await run();
});

test('a credential that is not connected by consent has nothing to disconnect', async () => {
  const key = await storeCredential(house, 'api_key', { api_key: 'k' });
  expect(await outcomeOf(() => disconnect(key))).toBe('conflict');
});

test('deleting revokes at the provider although the client is gone with the credential', async () => {
  const { credential, accessToken } = await connected('To be deleted');
  await remove(credential);
  expect(await seeCredential(house, credential)).toBe(null);
  const left = await within((tx) =>
    tx.selectFrom('auth_client').select('id').where('owner_credential_id', '=', credential.id).execute(),
  );
  expect(left).toEqual([]);
  expect(await run()).toEqual(['done']);
  expect(emulator.isLiveAccessToken(accessToken)).toBe(false);
  const receipt = await within((tx) =>
    tx
      .selectFrom('audit_event')
      .select(['action', 'result'])
      .where('object_id', '=', credential.id)
      .where('action', '=', 'grant.revocation_ended')
      .execute(),
  );
  expect(receipt).toEqual([{ action: 'grant.revocation_ended', result: 'ok' }]);
});

test('deleting a customer takes back what is connected there, also beneath it', async () => {
  const unit = await within((tx) => createCustomer({ tx, actor: house.owner, name: 'Leaving' }));
  const { accessToken } = await connected('Of the customer', alive, unit.id);
  await within((tx) =>
    deleteUnitWithCredentials({ tx, vault: house.vault, actor: house.owner, id: unit.id }),
  );
  expect(await outcomeOf(() => within((tx) => getUnit({ tx, actor: house.owner, id: unit.id })))).toBe(
    'not_found',
  );
  expect(await run()).toEqual(['done']);
  expect(emulator.isLiveAccessToken(accessToken)).toBe(false);
});

test('while another credential lives on the same account and app, nothing is revoked; with the last one it is', async () => {
  const account = accountOf('ada');
  const first = await connected('First of ada', { ...alive, account });
  const second = await connected('Second of ada', { ...alive, account });
  const stranger = await connected('Of bob', { ...alive, account: accountOf('bob') });
  await disconnect(first.credential);
  expect(await run()).toEqual([]);
  expect(await codes(first.credential)).toContain('revocation_skipped');
  for (const { accessToken } of [second, stranger])
    expect(emulator.isLiveAccessToken(accessToken)).toBe(true);
  await remove(second.credential);
  expect(await run()).toEqual(['done']);
  expect(emulator.isLiveAccessToken(second.accessToken)).toBe(false);
  expect(emulator.isLiveAccessToken(stranger.accessToken)).toBe(true);
});

test('two that disconnect the same account at once do not both leave it to the other', async () => {
  const account = accountOf('carol');
  const pair = [await connected('C1', { ...alive, account }), await connected('C2', { ...alive, account })];
  const [first, second] = pair;
  if (first === undefined || second === undefined) throw new Error('no pair');
  let ending: Promise<unknown> = Promise.resolve();
  await within(async (tx) => {
    await disconnectGrant({ tx, vault: house.vault, actor: house.owner, credentialId: first.credential.id });
    ending = disconnect(second.credential);
    await somebodyWaits();
  });
  await ending;
  expect(await run()).toEqual(['done']);
});

test('a dead sibling does not keep the provider from being told', async () => {
  const account = accountOf('dora');
  const dead = await connected('Dead', { ...alive, account });
  const living = await connected('Living', { ...alive, account });
  await within((tx) =>
    sql`update oauth_grant set state = 'needs_reauth', refresh_due_at = null
      where credential_id = ${dead.credential.id}`.execute(tx),
  );
  await disconnect(living.credential);
  expect(await run()).toEqual(['done']);
});

test('a revocation address that is down is asked again, and again, until it answers', async () => {
  const { credential, accessToken } = await connected('Down and up');
  emulator.adjust({ outage: 'unavailable' });
  await disconnect(credential);
  expect(await run()).toEqual([expect.stringMatching(/503|unavailable/)]);
  expect(await run()).toEqual([expect.any(String)]);
  const row = async () =>
    (
      await within((tx) =>
        sql<{ attempts: number; held: boolean; done: boolean }>`
          select attempts, sealed is not null as held, done_at is not null as done from revocation
          where credential_id = ${credential.id}`.execute(tx),
      )
    ).rows[0];
  expect(await row()).toEqual({ attempts: 2, held: true, done: false });
  expect(emulator.isLiveAccessToken(accessToken)).toBe(true);
  emulator.adjust({ outage: 'none' });
  expect(await run()).toEqual(['done']);
  expect(await row()).toEqual({ attempts: 3, held: false, done: true });
  expect(emulator.isLiveAccessToken(accessToken)).toBe(false);
});

test('after 24 hours of an unreachable provider the tokens go anyway, and the log says what to do', async () => {
  const { credential } = await connected('Never up');
  emulator.adjust({ outage: 'unavailable' });
  await disconnect(credential);
  await within((tx) =>
    sql`update revocation set expires_at = clock_timestamp() - interval '1 s' where credential_id = ${credential.id}`.execute(
      tx,
    ),
  );
  await run();
  const rows = await within((tx) =>
    sql<{ sealed: Buffer | null; secrets: Buffer | null }>`
      select sealed, client_secrets_sealed as secrets from revocation where credential_id = ${credential.id}`.execute(
      tx,
    ),
  );
  expect(rows.rows).toEqual([{ sealed: null, secrets: null }]);
  expect(await codes(credential)).toContain('revocation_retry');
});

test('a provider without a revocation address is told nothing, and the log says so', async () => {
  const values = {
    clientId: demoClient.client_id,
    clientSecret: demoClient.client_secret,
    authorizeUrl: `${emulator.url}/authorize`,
    tokenUrl: `${emulator.url}/token`,
  };
  const credential = await storeCredential(house, widgets, values, { label: 'No address' });
  await connectAccount(house, emulator, credential, alive);
  const count = revokes().length;
  await disconnect(credential);
  expect(await run()).toEqual(['unsupported']);
  expect(revokes().length).toBe(count);
  expect(await codes(credential)).toContain('revocation_unsupported');
});

test('a secret that the provider does not know yet does not keep tokens alive', async () => {
  const { credential, accessToken } = await connected('Rotated meanwhile');
  const clientId = credential.authClientId;
  if (clientId === null) throw new Error('no client');
  await within((tx) =>
    setClientSecret({
      tx,
      vault: house.vault,
      tenant: house.tenant,
      clientId,
      secret: Plain.fromText('not known there yet'),
    }),
  );
  await disconnect(credential);
  expect(await run()).toEqual(['done']);
  expect(emulator.isLiveAccessToken(accessToken)).toBe(false);
});

test('tokens that a refresh brings after a disconnect are taken back too', async () => {
  const { credential } = await connected('Late tokens', { expiresInSeconds: 300, dueInSeconds: 0 });
  emulator.schedule([faultSchema.parse({ fault: 'hang', when: 'after', on: 'refresh' })]);
  const one = await openRefreshProcess(house, emulator);
  const running = one.refresher.runOnce();
  await emulator.whenHanging(1);
  await disconnect(credential);
  emulator.release();
  await running;
  expect(await grantRow(house, house.tenant, credential.id)).toMatchObject({
    state: 'disconnected',
    ct: null,
  });
  expect(await run()).toEqual(['done', 'done']);
  const grant = emulator.ledger.records().findLast((record) => record.kind === 'refresh')?.grant;
  expect(
    revokes().filter((record) => record.grant === grant && record.outcome === 'revoked').length,
  ).toBeGreaterThan(0);
});

test('tokens that a refresh brings after a new consent for the same account do not end that consent', async () => {
  const account = accountOf('erin');
  const { credential } = await connected('Reconnected meanwhile', {
    expiresInSeconds: 300,
    dueInSeconds: 0,
    account,
  });
  emulator.schedule([faultSchema.parse({ fault: 'hang', when: 'after', on: 'refresh' })]);
  const one = await openRefreshProcess(house, emulator);
  const running = one.refresher.runOnce();
  await emulator.whenHanging(1);
  const { accessToken } = await connectAccount(house, emulator, credential, { ...alive, account });
  emulator.release();
  await running;
  expect(await run()).toEqual([]);
  expect(emulator.isLiveAccessToken(accessToken)).toBe(true);
  const { grant } = await one.reader.readToken({ tenant: house.tenant, credentialId: credential.id });
  expect(grant.tokens.accessToken.revealText()).toBe(accessToken);
  expect((await seeCredential(house, credential))?.grant).toMatchObject({
    consentNo: 2,
    tokenNo: 2,
    state: 'active',
  });
});

test('a new consent for another account lets late tokens of the old one be taken back', async () => {
  const { credential } = await connected('Other account', {
    expiresInSeconds: 300,
    dueInSeconds: 0,
    account: accountOf('frank'),
  });
  emulator.schedule([faultSchema.parse({ fault: 'hang', when: 'after', on: 'refresh' })]);
  const one = await openRefreshProcess(house, emulator);
  const running = one.refresher.runOnce();
  await emulator.whenHanging(1);
  const { accessToken } = await connectAccount(house, emulator, credential, {
    ...alive,
    account: accountOf('grace'),
  });
  emulator.release();
  await running;
  expect(await run()).toEqual(['done']);
  expect(emulator.isLiveAccessToken(accessToken)).toBe(true);
});

test('a commit that is repeated because its answer was lost does not revoke what it stored', async () => {
  const { credential } = await connected('Answer lost', { expiresInSeconds: 300, dueInSeconds: 0 });
  let isLost = false;
  const flaky: TestHouse['doors'] = {
    ...house.doors,
    write: async (tenant, statements) => {
      const before = (await grantRow(house, house.tenant, credential.id)).token_no;
      const result = await house.doors.write(tenant, statements);
      const after = (await grantRow(house, house.tenant, credential.id)).token_no;
      if (after !== before && !isLost) {
        isLost = true;
        throw new Error('the connection broke after COMMIT');
      }
      return result;
    },
  };
  const one = await openRefreshProcess(house, emulator, flaky);
  await one.refresher.runOnce();
  expect(isLost).toBe(true);
  expect(await run()).toEqual([]);
  const { grant } = await one.reader.readToken({ tenant: house.tenant, credentialId: credential.id });
  expect(emulator.isLiveAccessToken(grant.tokens.accessToken.revealText())).toBe(true);
  expect(await grantRow(house, house.tenant, credential.id)).toMatchObject({ state: 'active', token_no: 2 });
});
