import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { demoClient } from '../../providers/client-registry.ts';
import { type Emulator, startEmulator } from '../../providers/emulator.ts';
import { connectAccount, createOAuthCredential } from '../../testing/connect-account.ts';
import {
  declareOAuthType,
  grantRow,
  plainValues,
  seeCredential,
  storeCredential,
} from '../../testing/credential-kit.ts';
import { openRefreshProcess } from '../../testing/refresh-process.ts';
import { openTwoTenants, outcomeOf, type TwoTenants } from '../../testing/two-tenants.ts';
import type { UnitId } from '../kernel/ids.ts';
import { firstPage } from '../kernel/page.ts';
import { Plain } from '../kernel/plain.ts';
import type { Tx } from '../storage/doors.ts';
import type { Actor } from '../tenancy/actor.ts';
import {
  createAuthClient,
  deleteAuthClient,
  getAuthClient,
  getVisibleAuthClient,
  listAuthClients,
  updateAuthClient,
} from './auth-client.ts';
import { openClientSecrets } from './client-secret.ts';
import type { Credential } from './credential.ts';
import { ensureRegistration, reserveContext } from './registration.ts';
import { updateCredential } from './update-credential.ts';

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
const attempt = (actor: Actor, work: (tx: Tx) => Promise<unknown>) => outcomeOf(() => within(actor, work));
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
const change = (credential: Credential, values: Record<string, string>, actor = two.a.owner) =>
  within(actor, (tx) =>
    updateCredential({ tx, vault: two.house.vault, actor, id: credential.id, values: plainValues(values) }),
  );
const secretsOf = (clientId: Parameters<typeof getAuthClient>[1]) =>
  within(two.a.owner, async (tx) =>
    (await openClientSecrets(tx, two.house.vault, await getAuthClient(tx, clientId))).map(({ secret }) =>
      secret.revealText(),
    ),
  );

/** Keeps every body that is posted to it. */
async function listener() {
  const bodies: string[] = [];
  const server = createServer((req, res) => {
    let body = '';
    req.on('data', (chunk) => {
      body += chunk;
    });
    req.on('end', () => {
      bodies.push(`${req.headers.authorization ?? ''} ${body}`);
      res.writeHead(400, { 'content-type': 'application/json' }).end('{"error":"invalid_grant"}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, bodies, close: () => new Promise((resolve) => server.close(resolve)) };
}

test('a typed client belongs to its credential alone, and is in no list', async () => {
  const credential = await createOAuthCredential(two.house, emulator);
  const { authClientId } = credential;
  expect(authClientId).not.toBe(null);
  const { owner } = two.a;
  const listed = await within(owner, (tx) =>
    listAuthClients({ tx, actor: owner, unitIds: null, includePlatform: true, page: firstPage }),
  );
  expect(listed.items.some((client) => client.id === authClientId)).toBe(false);
  if (authClientId === null) return;
  expect(await attempt(owner, (tx) => getVisibleAuthClient(tx, owner, authClientId))).toBe('not_found');
  const reuse = storeCredential(two.house, 'oauth2', {}, { authClientId });
  await expect(reuse).rejects.toMatchObject({ code: 'not_found', field: 'authClient' });
});

test('equal OAuth apps share one registration and redirect URI within a tenant, and never across tenants', async () => {
  const { a, b, house } = two;
  const one = await createOAuthCredential(house, emulator, { label: 'One' });
  const same = await createOAuthCredential(house, emulator, { label: 'Two', secret: 'another secret' });
  const theirs = await createOAuthCredential(house, emulator, { at: b });
  const registrationOf = async (credential: Credential) =>
    await house.doors.withTenant(credential.tenantId, async (tx) => {
      if (credential.authClientId === null) throw new Error('no client');
      return (await getAuthClient(tx, credential.authClientId)).registration;
    });
  const [first, second, third] = [
    await registrationOf(one),
    await registrationOf(same),
    await registrationOf(theirs),
  ];
  expect(second).toEqual(first);
  expect(one.authClientId).not.toBe(same.authClientId);
  expect(third?.context).not.toBe(first?.context);
  expect(third?.tenantId).toBe(b.tenant);
  expect(Buffer.from(first?.context ?? '', 'base64url').length).toBe(16);
  const secrets = same.authClientId === null ? [] : await secretsOf(same.authClientId);
  expect(secrets).toEqual(['another secret']);
  expect(a.tenant).not.toBe(b.tenant);
});

test('twenty that register one app at once end with one registration', async () => {
  const { owner } = two.a;
  const made = await Promise.all(
    Array.from({ length: 20 }, () =>
      within(owner, (tx) => ensureRegistration(tx, identity('https://race.example'))),
    ),
  );
  expect(new Set(made.map((registration) => registration.id)).size).toBe(1);
});

test('a context is handed out before the client id is known, serves one registration, and only in its tenant', async () => {
  const { a, b } = two;
  const context = await within(a.owner, reserveContext);
  expect(
    await attempt(b.owner, (tx) => ensureRegistration(tx, identity('https://reserved.example'), context)),
  ).toBe('invalid_field');
  const made = await within(a.owner, (tx) =>
    ensureRegistration(tx, identity('https://reserved.example'), context),
  );
  expect(made.context).toBe(context);
  expect(
    await attempt(a.owner, (tx) => ensureRegistration(tx, identity('https://second.example'), context)),
  ).toBe('invalid_field');
});

test('T05 another tenant’s or a sibling’s client is not found, and whoever uses a shared one cannot move its addresses', async () => {
  const { a, b, house } = two;
  const theirs = await share(b.owner, b.organization.id);
  const siblings = await share(a.owner, a.other.id, 'Sibling');
  const ours = await share(a.owner, a.organization.id, 'Ours');
  const use = (authClientId: typeof ours.id, values: Record<string, string> = {}) =>
    storeCredential(house, 'oauth2', values, { authClientId, unitId: a.customer.id, actor: a.customerAdmin });
  await expect(use(theirs.id)).rejects.toMatchObject({ code: 'not_found', field: 'authClient' });
  await expect(use(siblings.id)).rejects.toMatchObject({ code: 'not_found', field: 'authClient' });
  await expect(use(ours.id, { token_uri: 'https://evil.example/token' })).rejects.toMatchObject({
    code: 'invalid_field',
    field: 'values',
  });
  const credential = await use(ours.id, { scopes: 'files.read' });
  const moved = change(credential, { token_uri: 'https://evil.example/token' }, a.customerAdmin);
  await expect(moved).rejects.toMatchObject({ code: 'invalid_field', field: 'values' });
  expect((await within(a.owner, (tx) => getAuthClient(tx, ours.id))).registration?.tokenUrl).toBe(
    `${emulator.url}/token`,
  );
});

test('T05 a moved address detaches the secret: without it refused, with it the old one goes nowhere new', async () => {
  const { house } = two;
  const evil = await listener();
  const credential = await createOAuthCredential(house, emulator);
  await connectAccount(house, emulator, credential, { expiresInSeconds: 300, dueInSeconds: 0 });
  for (const field of ['auth_uri', 'token_uri']) {
    await expect(change(credential, { [field]: `${evil.url}/x` })).rejects.toMatchObject({
      code: 'invalid_field',
      field: 'values.client_secret',
    });
    await expect(change(credential, { [field]: `${evil.url}/x`, client_secret: '' })).rejects.toMatchObject({
      code: 'invalid_field',
    });
  }
  const widgets = await declareOAuthType(house);
  const other = await storeCredential(house, widgets, {
    clientId: 'w',
    clientSecret: 'widget-secret',
    authorizeUrl: `${emulator.url}/authorize`,
    tokenUrl: `${emulator.url}/token`,
    revokeUrl: `${emulator.url}/revoke`,
  });
  await expect(change(other, { revokeUrl: `${evil.url}/revoke` })).rejects.toMatchObject({
    code: 'invalid_field',
    field: 'values.clientSecret',
  });
  const moved = await change(credential, { token_uri: `${evil.url}/token`, client_secret: 'typed-for-evil' });
  expect(moved.authClientId).not.toBe(credential.authClientId);
  if (moved.authClientId !== null) expect(await secretsOf(moved.authClientId)).toEqual(['typed-for-evil']);
  // The grant of before goes on with the app and the address that minted it.
  const one = await openRefreshProcess(house, emulator);
  await one.refresher.runOnce();
  expect((await seeCredential(house, credential))?.grant).toMatchObject({ state: 'active', tokenNo: 2 });
  expect(evil.bodies).toEqual([]);
  await evil.close();
});

test('another client id keeps the grant with the app that minted it, secrets included', async () => {
  const { house } = two;
  const credential = await createOAuthCredential(house, emulator);
  await connectAccount(house, emulator, credential, { expiresInSeconds: 300, dueInSeconds: 0 });
  const before = await grantRow(house, credential.tenantId, credential.id);
  await change(credential, { client_id: 'another-app' });
  await change(credential, { client_secret: 'of-the-other-app' });
  const after = await grantRow(house, credential.tenantId, credential.id);
  expect(after).toMatchObject({
    registration_id: before.registration_id,
    minted_by: before.minted_by,
    consent_no: before.consent_no,
    token_no: before.token_no,
  });
  const one = await openRefreshProcess(house, emulator);
  await one.refresher.runOnce();
  expect((await grantRow(house, credential.tenantId, credential.id)).last_error_code).toBe(null);
  expect((await seeCredential(house, credential))?.grant).toMatchObject({ state: 'active', tokenNo: 2 });
  expect(emulator.ledger.records().at(-1)).toMatchObject({ client: demoClient.client_id, outcome: 'issued' });
});

test('former inline clients are gone after the next consent, and their secrets with them', async () => {
  const { house } = two;
  const credential = await createOAuthCredential(house, emulator);
  await connectAccount(house, emulator, credential, { expiresInSeconds: 300, dueInSeconds: 200 });
  const evil = 'https://elsewhere.example';
  await change(credential, { auth_uri: `${evil}/a`, token_uri: `${evil}/t`, client_secret: 'second' });
  const clients = () =>
    within(two.a.owner, (tx) =>
      tx.selectFrom('auth_client').select('id').where('owner_credential_id', '=', credential.id).execute(),
    );
  expect(await clients()).toHaveLength(2);
  const now = await seeCredential(house, credential);
  if (now !== null) await connectAccount(house, emulator, now, { expiresInSeconds: 300, dueInSeconds: 200 });
  expect((await clients()).map((client) => client.id)).toEqual([now?.authClientId]);
});

test('T44 who may see, make and change clients at organization, own and other customer', async () => {
  const { a, house } = two;
  const made = {
    organization: await share(a.owner, a.organization.id, 'At organization'),
    own: await share(a.owner, a.customer.id, 'At own'),
    other: await share(a.owner, a.other.id, 'At other'),
  };
  const units = { organization: a.organization.id, own: a.customer.id, other: a.other.id };
  const cast = {
    owner: a.owner,
    member: a.member,
    customerAdmin: a.customerAdmin,
    customerUser: a.customerUser,
  };
  const table: Record<string, string> = {};
  for (const [who, actor] of Object.entries(cast)) {
    for (const [where, client] of Object.entries(made)) {
      const unitId = units[where as keyof typeof units];
      const outcomes = [
        await attempt(actor, (tx) => getVisibleAuthClient(tx, actor, client.id)),
        await attempt(actor, (tx) =>
          createAuthClient({
            tx,
            vault: house.vault,
            actor,
            client: { unitId, name: 'N', type: 'noauth', identity: null, secret: null },
          }),
        ),
        await attempt(actor, (tx) =>
          updateAuthClient({ tx, vault: house.vault, actor, id: client.id, change: { scopes: `by ${who}` } }),
        ),
      ];
      const listed = await within(actor, (tx) =>
        listAuthClients({
          tx,
          actor,
          unitIds: [unitId],
          includePlatform: false,
          search: 'At ',
          page: firstPage,
        }),
      );
      table[`${who} ${where}`] = [...outcomes, listed.totalCount].join(' ');
    }
  }
  expect(table).toEqual({
    'owner organization': 'done done done 1',
    'owner own': 'done done done 1',
    'owner other': 'done done done 1',
    'member organization': 'done done done 1',
    'member own': 'done done done 1',
    'member other': 'done done done 1',
    // The organization's clients serve at the customer: it sees them, and cannot touch them.
    'customerAdmin organization': 'done not_found forbidden 1',
    'customerAdmin own': 'done done done 1',
    'customerAdmin other': 'not_found not_found not_found 0',
    'customerUser organization': 'not_found not_found not_found 0',
    'customerUser own': 'not_found forbidden not_found 0',
    'customerUser other': 'not_found not_found not_found 0',
  });
  const { b } = two;
  const theirs = await share(b.owner, b.organization.id);
  expect(await attempt(a.owner, (tx) => getVisibleAuthClient(tx, a.owner, theirs.id))).toBe('not_found');
  expect(await attempt(a.owner, (tx) => deleteAuthClient({ tx, actor: a.owner, id: theirs.id }))).toBe(
    'not_found',
  );
  const everywhere = await within(a.owner, (tx) =>
    listAuthClients({
      tx,
      actor: a.owner,
      unitIds: null,
      includePlatform: false,
      search: 'At ',
      page: firstPage,
    }),
  );
  expect(everywhere.items.map((client) => client.name).sort()).toEqual([
    'At organization',
    'At other',
    'At own',
  ]);
});

test('a shared client is not deleted while credentials hang on it', async () => {
  const { a, house } = two;
  const client = await share(a.owner, a.organization.id, 'Attached');
  await storeCredential(house, 'oauth2', {}, { authClientId: client.id, label: 'Hanging' });
  await expect(
    within(a.owner, (tx) => deleteAuthClient({ tx, actor: a.owner, id: client.id })),
  ).rejects.toMatchObject({ code: 'in_use', message: expect.stringContaining('1 credential') });
});
