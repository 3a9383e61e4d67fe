// Modes, forced refreshes and what refused tokens teach, through the whole machine; the emulator's ledger is the judge.
import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { demoClient } from '../../providers/client-registry.ts';
import { type Emulator, startEmulator } from '../../providers/emulator.ts';
import { faultSchema } from '../../providers/fault.ts';
import { connectAccount } from '../../testing/connect-account.ts';
import { grantRow, storeCredential } from '../../testing/credential-kit.ts';
import { openRefreshProcess, type RefreshProcess, refreshProcessOn } from '../../testing/refresh-process.ts';
import { openTestHouse, type TestHouse } from '../../testing/test-house.ts';
import { createAuthClient, updateAuthClient } from '../credentials/auth-client.ts';
import type { RefreshMode } from '../credentials/auth-client-store.ts';
import type { Credential } from '../credentials/credential.ts';
import { silentLog } from '../kernel/log.ts';
import { Plain } from '../kernel/plain.ts';
import { createEgress } from '../oauth/egress.ts';
import type { Tx } from '../storage/doors.ts';

let house: TestHouse;
let emulator: Emulator;
let one: RefreshProcess;
beforeAll(async () => {
  house = await openTestHouse();
  emulator = await startEmulator({ set: { rotation: 'always' } });
  one = await openRefreshProcess(house, emulator);
});
afterAll(async () => {
  await emulator.close();
  await house.close();
});
beforeEach(async () => {
  await emulator.setMode({ set: { rotation: 'always' } });
  // What earlier tests left behind must not become due in this one, nor teach it anything.
  await house.doors.asScheduler((tx) =>
    sql`update oauth_grant set refresh_due_at = refresh_due_at + interval '1 day' where attempt_id is null`.execute(
      tx,
    ),
  );
  await within((tx) => sql`delete from learned_lifetime`.execute(tx));
});

const day = 86_400;
const within = <T>(work: (tx: Tx) => Promise<T>) => house.doors.withTenant(house.tenant, work);
const row = (credential: Credential) => grantRow(house, house.tenant, credential.id);
const refreshes = () => emulator.ledger.records().filter((record) => record.kind === 'refresh').length;
const target = (credential: Credential) => ({ tenant: house.tenant, credentialId: credential.id });
const tokenOf = async (credential: Credential) =>
  (await one.reader.readToken(target(credential))).grant.tokens.accessToken.revealText();
const sha256 = (token: string) => createHash('sha256').update(token).digest('hex');
const dueIn = async (credential: Credential) =>
  ((await row(credential)).refresh_due_at?.getTime() ?? Number.NaN) / 1000 - Date.now() / 1000;
const lifeOf = async (credential: Credential) => {
  const stored = await row(credential);
  const { rows } = await within((tx) =>
    sql<{
      issued: Date;
    }>`select issued_at as issued from oauth_grant where credential_id = ${credential.id}`.execute(tx),
  );
  return ((stored.expires_at?.getTime() ?? 0) - (rows[0]?.issued.getTime() ?? 0)) / 1000;
};
const set = (credential: Credential, change: ReturnType<typeof sql>) =>
  within((tx) => sql`update oauth_grant set ${change} where credential_id = ${credential.id}`.execute(tx));
const makeDue = (credential: Credential) =>
  set(credential, sql`refresh_due_at = clock_timestamp() - interval '1 s'`);
const use = (credential: Credential, ago: string) =>
  within((tx) =>
    sql`insert into grant_use (tenant_id, credential_id, last_used_at)
      values (${house.tenant}, ${credential.id}, clock_timestamp() - ${ago}::interval)
      on conflict (tenant_id, credential_id) do update set last_used_at = excluded.last_used_at`.execute(tx),
  );

async function clientIn(refreshMode: RefreshMode) {
  return await within((tx) =>
    createAuthClient({
      tx,
      vault: house.vault,
      actor: house.owner,
      client: {
        unitId: house.organization.id,
        name: 'Client',
        type: 'oauth2',
        identity: {
          clientId: demoClient.client_id,
          authorizeUrl: `${emulator.url}/authorize`,
          tokenUrl: `${emulator.url}/token`,
          refreshUrl: null,
          revokeUrl: null,
          clientAuth: 'post',
        },
        secret: Plain.fromText(demoClient.client_secret),
        refreshMode,
      },
    }),
  );
}

async function connectedIn(mode: RefreshMode, timing = { expiresInSeconds: 3_600, dueInSeconds: 0 }) {
  const client = await clientIn(mode);
  const credential = await storeCredential(
    house,
    'oauth2',
    {},
    { authClientId: client.id, label: `${mode}` },
  );
  return { client, credential, ...(await connectAccount(house, emulator, credential, timing)) };
}

test('when_used: a grant that nobody uses is refreshed once more, then parked, and its next reader brings it back', async () => {
  const { credential } = await connectedIn('when_used');
  await use(credential, '25 hours');
  const count = refreshes();
  await one.refresher.runOnce();
  expect(refreshes()).toBe(count + 1);
  expect(await dueIn(credential)).toBeGreaterThan(6 * day);
  await set(credential, sql`expires_at = clock_timestamp() - interval '1 hour'`);
  await one.refresher.runOnce();
  expect(refreshes()).toBe(count + 1);
  expect(emulator.isLiveAccessToken(await tokenOf(credential))).toBe(true);
  expect(refreshes()).toBe(count + 2);
  expect(await dueIn(credential)).toBeLessThan(3_600);
});

test('when_used: a grant that is used goes on being refreshed ahead of expiry', async () => {
  const { credential } = await connectedIn('when_used');
  await use(credential, '23 hours');
  await one.refresher.runOnce();
  expect(await dueIn(credential)).toBeLessThan(3_600);
});

test('keep_alive: used or not, only readers and the life of the refresh token cause refreshes', async () => {
  const { credential } = await connectedIn('keep_alive');
  await use(credential, '1 minute');
  emulator.adjust({ shape: { fields: { refresh_expires_in: 4 * day } } });
  await one.refresher.runOnce();
  const parked = await dueIn(credential);
  expect(parked).toBeGreaterThan(1.7 * day);
  expect(parked).toBeLessThan(2 * day);
  await set(credential, sql`expires_at = clock_timestamp() - interval '1 hour'`);
  const count = refreshes();
  const readings = await Promise.all(Array.from({ length: 20 }, () => tokenOf(credential)));
  expect(new Set(readings).size).toBe(1);
  expect(refreshes()).toBe(count + 1);
  expect(await dueIn(credential)).toBeGreaterThan(1.7 * day);
});

test('a client that becomes more eager wakes what is parked, one that becomes less eager leaves it', async () => {
  const { client, credential } = await connectedIn('keep_alive');
  await one.refresher.runOnce();
  const change = (refreshMode: RefreshMode) =>
    within((tx) =>
      updateAuthClient({
        tx,
        vault: house.vault,
        actor: house.owner,
        id: client.id,
        change: { refreshMode },
      }),
    );
  await change('eager');
  expect(await dueIn(credential)).toBeLessThan(901);
  await makeDue(credential);
  await one.refresher.runOnce();
  const eager = await dueIn(credential);
  expect(eager).toBeLessThan(3_600);
  await change('keep_alive');
  expect(Math.abs((await dueIn(credential)) - eager)).toBeLessThan(5);
});

test('a refused token teaches how long assumed lifetimes are, and the next tokens of that provider live so long', async () => {
  emulator.adjust({ shape: { expiresIn: 'absent' } });
  const { credential } = await connectedIn('eager');
  await one.refresher.runOnce();
  expect(await row(credential)).toMatchObject({ expiry_assumed: true, token_no: 2 });
  expect(await lifeOf(credential)).toBeCloseTo(3_600, 0);
  const refused = await tokenOf(credential);
  await set(
    credential,
    sql`issued_at = issued_at - interval '2000 s', expires_at = expires_at - interval '2000 s',
      refreshed_at = refreshed_at - interval '2000 s'`,
  );
  await one.reader.forceRefresh({ ...target(credential), refusedSha256: sha256(refused) });
  await makeDue(credential);
  await one.refresher.runOnce();
  const life = await lifeOf(credential);
  expect(life).toBeGreaterThanOrEqual(2_000);
  expect(life).toBeLessThan(2_030);
  // Whoever cannot name the token, names an old one, or has a grant that is over, teaches nothing.
  const learned = () =>
    within((tx) => sql<{ seconds: number }>`select seconds from learned_lifetime`.execute(tx));
  const before = (await learned()).rows;
  expect(before).toHaveLength(1);
  await set(credential, sql`refreshed_at = refreshed_at - interval '10 s'`);
  await one.reader.forceRefresh(target(credential));
  await one.reader.forceRefresh({ ...target(credential), refusedSha256: sha256(refused) });
  const current = sha256(await tokenOf(credential));
  emulator.schedule([faultSchema.parse({ fault: 'oauth_error', error: 'invalid_grant', on: 'refresh' })]);
  await expect(
    one.reader.forceRefresh({ ...target(credential), refusedSha256: current }),
  ).rejects.toMatchObject({ code: 'provider_refused' });
  expect((await learned()).rows).toEqual(before);
});

test('what was learned fades: after three months the provider is taken at its word again', async () => {
  emulator.adjust({ shape: { expiresIn: 'absent' } });
  const { credential } = await connectedIn('eager');
  const key = new URL(emulator.url).host;
  await within((tx) =>
    sql`insert into learned_lifetime (tenant_id, provider_key, seconds, learned_at)
      values (${house.tenant}, ${key}, 600, clock_timestamp() - interval '10 days')`.execute(tx),
  );
  await one.refresher.runOnce();
  expect(await lifeOf(credential)).toBeCloseTo(600 * 1.05 ** 10, -1);
  await within((tx) =>
    sql`update learned_lifetime set learned_at = clock_timestamp() - interval '90 days'`.execute(tx),
  );
  await makeDue(credential);
  await one.refresher.runOnce();
  expect(await lifeOf(credential)).toBeCloseTo(3_600, 0);
});

test('a forced refresh that names the token: an old one sends nothing, the current one is replaced even when new', async () => {
  const { credential, accessToken } = await connectedIn('eager', {
    expiresInSeconds: 3_600,
    dueInSeconds: 2_000,
  });
  const options = target(credential);
  await one.reader.forceRefresh(options);
  const current = await tokenOf(credential);
  const count = refreshes();
  const old = await one.reader.forceRefresh({ ...options, refusedSha256: sha256(accessToken) });
  expect(old.grant.tokens.accessToken.revealText()).toBe(current);
  await one.reader.forceRefresh(options);
  expect(refreshes()).toBe(count);
  const answers = await Promise.all(
    Array.from({ length: 60 }, () => one.reader.forceRefresh({ ...options, refusedSha256: sha256(current) })),
  );
  expect(refreshes()).toBe(count + 1);
  expect(new Set(answers.map(({ grant }) => grant.tokens.accessToken.revealText()))).not.toContain(current);
});

test('the operator says how young a token must be to be answered to a forced refresh as it is', async () => {
  const { credential } = await connectedIn('eager', { expiresInSeconds: 3_600, dueInSeconds: 2_000 });
  const options = target(credential);
  const { folder } = house.testVault;
  const egress = createEgress({ allow: [new URL(emulator.url).host], log: silentLog });
  const rooms = { doors: house.doors, vault: house.testVault.again(), egress, folder };
  const patient = await refreshProcessOn({ ...rooms, forcedWindowSeconds: 30 });
  await set(credential, sql`refreshed_at = clock_timestamp() - interval '20 s'`);
  const count = refreshes();
  await patient.reader.forceRefresh(options);
  expect(refreshes()).toBe(count);
  await set(credential, sql`refreshed_at = clock_timestamp() - interval '31 s'`);
  await patient.reader.forceRefresh(options);
  expect(refreshes()).toBe(count + 1);
  await set(credential, sql`refreshed_at = clock_timestamp() - interval '20 s'`);
  await one.reader.forceRefresh(options);
  expect(refreshes()).toBe(count + 2);
});

test('Zoho counts refreshes: a forced one within a minute of the last sends nothing, whatever the caller names', async () => {
  const { credential } = await connectedIn('eager', { expiresInSeconds: 3_600, dueInSeconds: 2_000 });
  const options = target(credential);
  await set(credential, sql`provider_key = 'accounts.zoho.eu 0123456789abcdef'`);
  await one.reader.forceRefresh(options);
  const count = refreshes();
  const refusedSha256 = sha256(await tokenOf(credential));
  await set(credential, sql`refreshed_at = clock_timestamp() - interval '55 s'`);
  await one.reader.forceRefresh(options);
  await one.reader.forceRefresh({ ...options, refusedSha256 });
  expect(refreshes()).toBe(count);
  await set(credential, sql`refreshed_at = clock_timestamp() - interval '61 s'`);
  await one.reader.forceRefresh({ ...options, refusedSha256 });
  expect(refreshes()).toBe(count + 1);
});
