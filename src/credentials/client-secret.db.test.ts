import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { demoClient } from '../../providers/client-registry.ts';
import { type Emulator, startEmulator } from '../../providers/emulator.ts';
import { connectAccount } from '../../testing/connect-account.ts';
import { grantRow, storeCredential } from '../../testing/credential-kit.ts';
import { openRefreshProcess } from '../../testing/refresh-process.ts';
import { openTwoTenants, type TwoTenants } from '../../testing/two-tenants.ts';
import type { UnitId } from '../kernel/ids.ts';
import { Plain } from '../kernel/plain.ts';
import type { Tx } from '../storage/doors.ts';
import type { Actor } from '../tenancy/actor.ts';
import { createAuthClient, getAuthClient, updateAuthClient } from './auth-client.ts';
import { openClientSecrets, setClientSecret } from './client-secret.ts';
import type { Credential } from './credential.ts';

let two: TwoTenants;
let emulator: Emulator;
beforeAll(async () => {
  two = await openTwoTenants();
  emulator = await startEmulator({ set: { rotation: 'always' } });
});
afterAll(async () => {
  await emulator.close();
  await two.house.close();
});
beforeEach(async () => {
  await emulator.setMode({ set: { rotation: 'always' } });
  emulator.addClient({ ...demoClient });
});

const within = <T>(actor: Actor, work: (tx: Tx) => Promise<T>): Promise<T> =>
  two.house.doors.withTenant(actor.tenant, work);
const identity = (url: string, clientId = demoClient.client_id) => ({
  clientId,
  authorizeUrl: `${url}/authorize`,
  tokenUrl: `${url}/token`,
  refreshUrl: null,
  revokeUrl: `${url}/revoke`,
  clientAuth: 'post' as const,
});
const share = (actor: Actor, unitId: UnitId, name = 'Shared', clientId = demoClient.client_id) =>
  within(actor, (tx) =>
    createAuthClient({
      tx,
      vault: two.house.vault,
      actor,
      client: {
        unitId,
        name,
        type: 'oauth2',
        identity: identity(emulator.url, clientId),
        secret: Plain.fromText(demoClient.client_secret),
      },
    }),
  );
const secretsOf = (clientId: Parameters<typeof getAuthClient>[1]) =>
  within(two.a.owner, async (tx) =>
    (await openClientSecrets(tx, two.house.vault, await getAuthClient(tx, clientId))).map(({ secret }) =>
      secret.revealText(),
    ),
  );

test('the provider’s secret is rotated in the middle of 200 refreshes, and not one of them fails', async () => {
  const { a, house } = two;
  const client = await share(a.owner, a.organization.id, 'Rotating');
  const credentials: Credential[] = [];
  for (let index = 0; index < 50; index += 1) {
    const credential = await storeCredential(
      house,
      'oauth2',
      {},
      { authClientId: client.id, label: `R${index}` },
    );
    await connectAccount(house, emulator, credential, { expiresInSeconds: 300, dueInSeconds: 0 });
    credentials.push(credential);
  }
  emulator.adjust({ latency: { kind: 'fixed', ms: 15 } });
  const processes = [
    await openRefreshProcess(house, emulator),
    await openRefreshProcess(house, emulator, house.database.again().doors),
  ];
  const makeDue = () =>
    house.doors.asScheduler((tx) =>
      sql`update oauth_grant set refresh_due_at = clock_timestamp() - interval '1 s'
        where tenant_id = ${a.tenant} and credential_id = any(${credentials.map(({ id }) => id)}::uuid[])`.execute(
        tx,
      ),
    );
  const round = async () => {
    await makeDue();
    await Promise.all(processes.map((one) => one.refresher.runOnce()));
  };
  const traded = () =>
    emulator.ledger.records().filter(({ kind, outcome }) => kind === 'refresh' && outcome === 'issued')
      .length;
  const before = emulator.ledger.records().length;
  const tradedBefore = traded();
  await round();
  // Ours first, the provider's in the middle of a round.
  await within(a.owner, (tx) =>
    setClientSecret({
      tx,
      vault: house.vault,
      tenant: a.tenant,
      clientId: client.id,
      secret: Plain.fromText('second-secret'),
    }),
  );
  let isOver = false;
  const running = round().finally(() => {
    isOver = true;
  });
  while (!isOver && traded() < tradedBefore + 75) await new Promise((resolve) => setImmediate(resolve));
  emulator.addClient({ client_id: demoClient.client_id, client_secret: 'second-secret' });
  await running;
  await round();
  await round();
  const rows = await Promise.all(credentials.map(({ id }) => grantRow(house, a.tenant, id)));
  expect(rows.map((row) => [row.state, row.fail_count, row.token_no])).toEqual(
    credentials.map(() => ['active', 0, 5]),
  );
  const log = await within(a.owner, (tx) =>
    tx
      .selectFrom('connection_log')
      .select('code')
      .where(
        'credential_id',
        'in',
        credentials.map(({ id }) => id),
      )
      .execute(),
  );
  expect(log.filter((entry) => entry.code !== 'consent_completed')).toEqual([]);
  expect(await secretsOf(client.id)).toEqual(['second-secret', demoClient.client_secret]);
  // The provider's own book: 200 traded, the other requests refused for the secret alone, and no token shown twice.
  const requests = emulator.ledger.records().slice(before);
  const outcomes = new Set(requests.map(({ outcome }) => outcome));
  expect(traded() - tradedBefore).toBe(200);
  expect([...outcomes].sort()).toEqual(['invalid_client', 'issued']);
  expect(requests.filter(({ presentedAgain, concurrent }) => presentedAgain || concurrent > 1)).toEqual([]);
});

test('a provider that goes over to the new secret between two tries is asked once more with it', async () => {
  const { a, house } = two;
  const client = await share(a.owner, a.organization.id, 'Between');
  const credential = await storeCredential(
    house,
    'oauth2',
    {},
    { authClientId: client.id, label: 'Between' },
  );
  await connectAccount(house, emulator, credential, { expiresInSeconds: 300, dueInSeconds: 0 });
  const secret = Plain.fromText('new-secret');
  await within(a.owner, (tx) =>
    setClientSecret({ tx, vault: house.vault, tenant: a.tenant, clientId: client.id, secret }),
  );
  emulator.addClient({ client_id: demoClient.client_id, client_secret: 'new-secret' });
  emulator.schedule([{ fault: 'oauth_error', error: 'invalid_client', status: 401, on: 'refresh' }]);
  const one = await openRefreshProcess(house, emulator);
  await one.refresher.runOnce();
  expect(await grantRow(house, a.tenant, credential.id)).toMatchObject({
    state: 'active',
    token_no: 2,
    fail_count: 0,
  });
});

test('a replaced secret is tried for a day and no longer, and its bytes go with the next change', async () => {
  const { a, house } = two;
  const client = await share(a.owner, a.organization.id, 'Replaced');
  const set = (text: string) =>
    within(a.owner, (tx) =>
      updateAuthClient({
        tx,
        vault: house.vault,
        actor: a.owner,
        id: client.id,
        change: { secret: Plain.fromText(text) },
      }),
    );
  await set('second');
  expect(await secretsOf(client.id)).toEqual(['second', demoClient.client_secret]);
  await within(a.owner, (tx) =>
    sql`update auth_client_secret set expires_at = expires_at - interval '24 hours'
      where auth_client_id = ${client.id} and expires_at is not null`.execute(tx),
  );
  expect(await secretsOf(client.id)).toEqual(['second']);
  await set('third');
  const rows = await within(a.owner, (tx) =>
    tx
      .selectFrom('auth_client_secret')
      .select('no')
      .where('auth_client_id', '=', client.id)
      .orderBy('no')
      .execute(),
  );
  expect(rows.map((row) => row.no)).toEqual([2, 3]);
});

test('a refused client stops the requests of all its grants, and a new secret lets them go on', async () => {
  const { a, house } = two;
  const client = await share(a.owner, a.organization.id, 'Mistyped');
  const credentials: Credential[] = [];
  for (let index = 0; index < 8; index += 1) {
    const credential = await storeCredential(
      house,
      'oauth2',
      {},
      { authClientId: client.id, label: `B${index}` },
    );
    await connectAccount(house, emulator, credential, { expiresInSeconds: 300, dueInSeconds: 0 });
    credentials.push(credential);
  }
  emulator.addClient({ client_id: demoClient.client_id, client_secret: 'the provider changed it' });
  const one = await openRefreshProcess(house, emulator);
  const refreshes = () => emulator.ledger.records().filter((record) => record.kind === 'refresh').length;
  const makeDue = () =>
    house.doors.asScheduler((tx) =>
      sql`update oauth_grant set refresh_due_at = clock_timestamp() - interval '1 s'
        where credential_id = any(${credentials.map(({ id }) => id)}::uuid[])`.execute(tx),
    );
  await one.refresher.runOnce();
  await makeDue();
  const before = refreshes();
  await one.refresher.runOnce();
  expect(refreshes()).toBe(before);
  const states = await Promise.all(credentials.map(({ id }) => grantRow(house, a.tenant, id)));
  expect(new Set(states.map((row) => `${row.state} ${row.last_error_code}`))).toEqual(
    new Set(['degraded invalid_client']),
  );
  const audits = await within(a.owner, (tx) =>
    tx
      .selectFrom('audit_event')
      .select('action')
      .where('object_id', '=', client.id)
      .where('action', '=', 'auth_client.broken')
      .execute(),
  );
  expect(audits).toHaveLength(1);
  // After ten minutes one of them may ask for all.
  await within(a.owner, (tx) =>
    sql`update auth_client set probe_at = clock_timestamp() where id = ${client.id}`.execute(tx),
  );
  await makeDue();
  await one.refresher.runOnce();
  expect(refreshes()).toBe(before + 1);
  await within(a.owner, (tx) =>
    setClientSecret({
      tx,
      vault: house.vault,
      tenant: a.tenant,
      clientId: client.id,
      secret: Plain.fromText('the provider changed it'),
    }),
  );
  const due = await Promise.all(credentials.map(({ id }) => grantRow(house, a.tenant, id)));
  for (const row of due) expect((row.refresh_due_at?.getTime() ?? 0) - Date.now()).toBeLessThan(61_000);
  await makeDue();
  await one.refresher.runOnce();
  const after = await Promise.all(credentials.map(({ id }) => grantRow(house, a.tenant, id)));
  expect(after.map((row) => [row.state, row.token_no])).toEqual(credentials.map(() => ['active', 2]));
});
