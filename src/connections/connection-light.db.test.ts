import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Emulator, startEmulator } from '../../providers/emulator.ts';
import { connectAccount, createOAuthCredential } from '../../testing/connect-account.ts';
import { declaredField, declareType, plainValues, storeCredential } from '../../testing/credential-kit.ts';
import {
  addInstance,
  addVersion,
  connectionVariable,
  type TrialVersion,
} from '../../testing/instance-kit.ts';
import { openTwoTenants, type TwoTenants } from '../../testing/two-tenants.ts';
import { type ConnectionType, getBuiltinType } from '../credentials/connection-type.ts';
import type { Credential } from '../credentials/credential.ts';
import { disconnectGrant } from '../credentials/disconnect.ts';
import { readConnectionLog } from '../credentials/log-store.ts';
import { updateCredential } from '../credentials/update-credential.ts';
import { type ConnectionId, type ExecutionId, type InstanceId, newId } from '../kernel/ids.ts';
import { firstPage } from '../kernel/page.ts';
import type { Tx } from '../storage/doors.ts';
import type { Actor } from '../tenancy/actor.ts';
import {
  type Connection,
  type ConnectionHolder,
  createConnection,
  getConnection,
  markError,
  markHealthy,
} from './connection.ts';
import { connectionStatus } from './status.ts';

let two: TwoTenants;
let emulator: Emulator;
let keyType: ConnectionType;
let version: TrialVersion;
beforeAll(async () => {
  two = await openTwoTenants();
  emulator = await startEmulator({ set: { rotation: 'always' } });
  keyType = await within(two.a.owner, (tx) => getBuiltinType(tx, 'api_key'));
  version = await addVersion(two.house, [connectionVariable('Service', keyType)]);
});
afterAll(async () => {
  await emulator.close();
  await two.house.close();
});

const within = <T>(actor: Actor, work: (tx: Tx) => Promise<T>): Promise<T> =>
  two.house.doors.withTenant(actor.tenant, work);
const variable = () => version.variables[0] ?? null;

const connect = (
  holder: ConnectionHolder,
  credential: Credential | null,
  more: Partial<Parameters<typeof createConnection>[0]> = {},
): Promise<Connection> =>
  within(more.actor ?? two.a.owner, (tx) =>
    createConnection({
      actor: two.a.owner,
      unitId: two.a.customer.id,
      isTest: false,
      variable: variable(),
      credentialId: credential?.id ?? null,
      ...more,
      tx,
      holder,
    }),
  );
const held = (instanceId: InstanceId): ConnectionHolder => ({
  kind: 'instance',
  instanceId,
  stableKey: 'service',
});
const see = (connection: Pick<Connection, 'id'>) =>
  within(two.a.owner, (tx) => getConnection(tx, connection.id));
const light = async (connection: Pick<Connection, 'id'>) => connectionStatus(await see(connection)).status;
const ok = (connection: Pick<Connection, 'id'>, more: object = {}) =>
  within(two.a.owner, (tx) =>
    markHealthy(tx, { connectionId: connection.id, executionId: newId<ExecutionId>(), ...more }),
  );
const broken = (connection: Pick<Connection, 'id'>, reason = 'HTTP 401', more: object = {}) =>
  within(two.a.owner, (tx) =>
    markError(tx, { connectionId: connection.id, executionId: newId<ExecutionId>(), reason, ...more }),
  );
const key = (label: string, unitId = two.a.customer.id) =>
  storeCredential(two.house, 'api_key', { api_key: label }, { label, unitId });

test('the light follows the grant: every state, and a new consent makes a red one yellow', async () => {
  const { a, house } = two;
  const credential = await createOAuthCredential(house, emulator);
  const oauth = await within(a.owner, (tx) => getBuiltinType(tx, 'oauth2'));
  const { variables } = await addVersion(house, [connectionVariable('Cloud', oauth)]);
  const instanceId = await addInstance(house, version);
  const connection = await connect({ kind: 'instance', instanceId, stableKey: 'cloud' }, credential, {
    variable: variables[0] ?? null,
  });
  expect(await light(connection)).toBe('pending');
  const alive = { expiresInSeconds: 600, dueInSeconds: 300 };
  await connectAccount(house, emulator, credential, alive);
  expect(await light(connection)).toBe('configured');
  await ok(connection);
  expect(await light(connection)).toBe('healthy');
  const put = (state: string) =>
    within(a.owner, (tx) =>
      sql`update oauth_grant set state = ${state}, last_error = 'The user revoked it.'
        where credential_id = ${credential.id}`.execute(tx),
    );
  await put('degraded');
  expect(await light(connection)).toBe('healthy');
  await put('needs_reauth');
  expect(connectionStatus(await see(connection))).toEqual({
    status: 'error',
    reason: 'The user revoked it.',
  });
  await connectAccount(house, emulator, credential, alive);
  expect(await light(connection)).toBe('configured');
  await ok(connection);
  await broken(connection, 'HTTP 403');
  expect(connectionStatus(await see(connection))).toEqual({ status: 'error', reason: 'HTTP 403' });
  await connectAccount(house, emulator, credential, alive);
  expect(connectionStatus(await see(connection))).toEqual({ status: 'configured', reason: null });
  await put('static');
  expect(await light(connection)).toBe('configured');
  await within(a.owner, (tx) =>
    disconnectGrant({ tx, vault: house.vault, actor: a.owner, credentialId: credential.id }),
  );
  expect(connectionStatus(await see(connection))).toMatchObject({ status: 'pending' });
  await within(a.owner, (tx) =>
    sql`update oauth_grant set state = 'pending_confirmation' where credential_id = ${credential.id}`.execute(
      tx,
    ),
  );
  expect(await light(connection)).toBe('pending');
});

test('what an execution learned under another consent says nothing about the present one', async () => {
  const { a, house } = two;
  const credential = await createOAuthCredential(house, emulator);
  await connectAccount(house, emulator, credential, { expiresInSeconds: 600, dueInSeconds: 300 });
  const connection = await connect(held(await addInstance(house, version)), credential, { variable: null });
  await broken(connection, 'too late', { consentNo: 0 });
  expect(await light(connection)).toBe('configured');
  await ok(connection, { consentNo: 1 });
  expect(await light(connection)).toBe('healthy');
  expect(a.tenant).toBe(house.tenant);
});

test('a corrected value makes a red connection yellow, and a mark on a connection that is gone is no error', async () => {
  const { a, house } = two;
  const credential = await key('Wrong key');
  const connection = await connect(held(await addInstance(house, version)), credential);
  await broken(connection, 'bad\u0000key\r\nINJECTED');
  expect(connectionStatus(await see(connection))).toEqual({ status: 'error', reason: 'bad key INJECTED' });
  await within(a.owner, (tx) =>
    updateCredential({
      tx,
      vault: house.vault,
      actor: a.owner,
      id: credential.id,
      values: plainValues({ api_key: 'right' }),
    }),
  );
  expect(await light(connection)).toBe('configured');
  await ok({ id: newId<ConnectionId>() });
  await broken({ id: newId<ConnectionId>() });
});

test('the log beside a connection tells green once and red each time', async () => {
  const connection = await connect(held(await addInstance(two.house, version)), await key('Logged'));
  for (let turn = 0; turn < 3; turn += 1) await ok(connection);
  await broken(connection);
  await broken(connection);
  await ok(connection);
  const { items } = await within(two.a.owner, (tx) =>
    readConnectionLog(tx, { connectionId: connection.id, credentialId: null }, firstPage),
  );
  expect(items.map((entry) => entry.code).reverse()).toEqual([
    'connection_healthy',
    'connection_error',
    'connection_error',
    'connection_healthy',
  ]);
});

test('a credential that cannot fill the connection is refused by the names of what is missing', async () => {
  const { a, house } = two;
  const wanted = await declareType(house, {
    key: 'sftp',
    fields: [declaredField('username'), declaredField('privateKey', { secret: true }), declaredField('host')],
  });
  const { variables } = await addVersion(house, [
    connectionVariable('Files', wanted),
    connectionVariable('Files with host', wanted, { defaults: { host: 'sftp.example.com' } }),
  ]);
  const [bare, filled] = variables;
  const instanceId = await addInstance(house, version);
  const bind = (variableOf: typeof bare, credential: Credential, stableKey: string) =>
    connect({ kind: 'instance', instanceId, stableKey }, credential, { variable: variableOf ?? null });
  const pem = await storeCredential(
    house,
    'private_key',
    { username: 'u', private_key: 'pem' },
    { unitId: a.customer.id },
  );
  const oauth = await createOAuthCredential(house, emulator);
  await expect(bind(bare, pem, 'a')).rejects.toMatchObject({
    code: 'invalid_field',
    field: 'Files',
    message: expect.stringContaining('host'),
  });
  await expect(bind(filled, oauth, 'b')).rejects.toMatchObject({ code: 'invalid_field' });
  await expect(bind(filled, await key('No key'), 'c')).rejects.toMatchObject({
    message: expect.stringContaining('username, privateKey'),
  });
  expect((await bind(filled, pem, 'd')).credentialId).toBe(pem.id);
});
