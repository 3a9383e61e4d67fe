import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Emulator, startEmulator } from '../../providers/emulator.ts';
import { seeCredential, storeCredential } from '../../testing/credential-kit.ts';
import {
  addInstance,
  addSharedVariable,
  addVersion,
  connectionVariable,
  type TrialVersion,
} from '../../testing/instance-kit.ts';
import { openTwoTenants, outcomeOf, type TwoTenants } from '../../testing/two-tenants.ts';
import { type ConnectionType, getBuiltinType } from '../credentials/connection-type.ts';
import type { Credential } from '../credentials/credential.ts';
import { deleteCredential } from '../credentials/delete-credential.ts';
import { deleteUnitWithCredentials } from '../credentials/delete-unit.ts';
import { type ExecutionId, type InstanceId, newId } from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';
import type { Actor } from '../tenancy/actor.ts';
import { createCustomer } from '../tenancy/unit.ts';
import {
  bindConnection,
  type Connection,
  type ConnectionHolder,
  createConnection,
  deleteConnection,
  getConnection,
  markError,
  markHealthy,
} from './connection.ts';
import { selectInstanceConnections, selectSharedConnection } from './connection-store.ts';
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
const attempt = (actor: Actor, work: (tx: Tx) => Promise<unknown>) => outcomeOf(() => within(actor, work));
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

test('four holders: instance, user of an instance, customer and organization, each its own connection', async () => {
  const { a, house } = two;
  const instanceId = await addInstance(house, version);
  const ofCustomer = await addSharedVariable(house, keyType, 'customer');
  const ofOrganization = await addSharedVariable(house, keyType, 'organization');
  const { principalId } = a.customerUser;
  const made = {
    instance: await connect(held(instanceId), await key('H1')),
    user: await connect(
      { kind: 'instance_user', instanceId, principalId, stableKey: 'service' },
      await key('H2'),
      {
        actor: a.customerUser,
      },
    ),
    customer: await connect({ kind: 'customer', sharedVariableId: ofCustomer }, await key('H3')),
    organization: await connect(
      { kind: 'organization', sharedVariableId: ofOrganization },
      await key('H4', a.organization.id),
      { unitId: a.organization.id },
    ),
  };
  expect(
    Object.values(made).map((one) => [one.holder, one.instanceId !== null, one.principalId !== null]),
  ).toEqual([
    ['instance', true, false],
    ['instance_user', true, true],
    ['customer', false, false],
    ['organization', false, false],
  ]);
  const rows = await within(a.owner, (tx) => selectInstanceConnections(tx, instanceId));
  expect(rows.map((row) => row.id).sort()).toEqual([made.instance.id, made.user.id].sort());
  const shared = await within(a.owner, (tx) =>
    selectSharedConnection(tx, {
      sharedVariableId: ofCustomer,
      holder: 'customer',
      unitId: a.customer.id,
      isTest: false,
    }),
  );
  expect(shared?.id).toBe(made.customer.id);
  expect(await outcomeOf(() => connect(held(instanceId), null))).toBe('conflict');
});

test('a user’s connection stands beside the instance’s, a test beside a deployed one, each with its own light', async () => {
  const { a, house } = two;
  const instanceId = await addInstance(house, version);
  const { principalId } = a.customerUser;
  const mine = await connect(
    { kind: 'instance_user', instanceId, principalId, stableKey: 'service' },
    await key('Mine'),
  );
  const all = await connect(held(instanceId), await key('All'));
  const trial = await connect(held(instanceId), await key('Trial'), { isTest: true });
  await ok(all);
  await broken(mine);
  expect([await light(mine), await light(all), await light(trial)]).toEqual([
    'error',
    'healthy',
    'configured',
  ]);
});

test('one credential of the organization serves fifty instances, which have fifty lights', async () => {
  const { a, house } = two;
  const shared = await key('For everybody', a.organization.id);
  const connections: Connection[] = [];
  for (let index = 0; index < 50; index += 1) {
    const unitId = index % 2 === 0 ? a.customer.id : a.other.id;
    connections.push(await connect(held(await addInstance(house, version, { unitId })), shared, { unitId }));
  }
  const [first, second] = connections;
  if (first === undefined || second === undefined) throw new Error('no connections');
  await ok(first);
  await broken(second);
  const lights = await Promise.all(connections.map(light));
  expect(lights.filter((one) => one === 'healthy')).toHaveLength(1);
  expect(lights.filter((one) => one === 'error')).toHaveLength(1);
  expect(lights.filter((one) => one === 'configured')).toHaveLength(48);
  expect((await seeCredential(house, shared))?.usedBy).toBe(50);
});

test('a credential of another customer, of another tenant or of nobody is not found', async () => {
  const { a, b, house } = two;
  const foreign = {
    otherCustomer: await key('Other’s', a.other.id),
    otherTenant: await storeCredential(house, 'api_key', { api_key: 'k' }, { at: b }),
    nobody: { ...(await key('Gone')), id: newId<Credential['id']>() },
  };
  const answers: string[] = [];
  for (const credential of Object.values(foreign)) {
    const instanceId = await addInstance(house, version);
    const empty = await connect(held(instanceId), null);
    for (const work of [
      () => connect(held(instanceId), credential, { isTest: true }),
      () =>
        within(a.owner, (tx) =>
          bindConnection({
            tx,
            actor: a.owner,
            id: empty.id,
            variable: variable(),
            credentialId: credential.id,
          }),
        ),
    ]) {
      await work().then(
        () => answers.push('done'),
        (error: { code: string; public: string }) => answers.push(`${error.code} ${error.public}`),
      );
    }
  }
  expect(new Set(answers).size).toBe(1);
  expect(answers[0]).toMatch(/^not_found/);
  expect((await seeCredential(house, foreign.otherCustomer))?.usedBy).toBe(0);
});

test('the organization’s credentials are chosen by who sees them, and stay invisible to the customer', async () => {
  const { a, house } = two;
  const shared = await key('Hidden', a.organization.id);
  const instanceId = await addInstance(house, version);
  const byCustomer = connect(held(instanceId), shared, { actor: a.customerAdmin });
  await expect(byCustomer).rejects.toMatchObject({ code: 'not_found' });
  const connection = await connect(held(instanceId), shared, { actor: a.member });
  expect(connection.credentialId).toBe(shared.id);
});

test('an instance’s connection belongs to the instance’s customer', async () => {
  const { a, house } = two;
  const instanceId = await addInstance(house, version, { unitId: a.other.id });
  const crossed = connect(held(instanceId), await key('Crossing'), { unitId: a.customer.id });
  await expect(crossed).rejects.toMatchObject({ code: 'not_found', field: 'instance' });
  const nobody = connect(
    { kind: 'instance_user', instanceId, principalId: newId(), stableKey: 'service' },
    null,
    { unitId: a.other.id },
  );
  await expect(nobody).rejects.toMatchObject({ code: 'not_found' });
  const nowhere = connect({ kind: 'customer', sharedVariableId: newId<never>() }, null);
  await expect(nowhere).rejects.toMatchObject({ code: 'not_found' });
});

test('who may connect what: those who manage instances there, and everybody his own', async () => {
  const { a, b, house } = two;
  const cast = {
    owner: a.owner,
    member: a.member,
    customerAdmin: a.customerAdmin,
    customerUser: a.customerUser,
  };
  const table: Record<string, string> = {};
  for (const [who, actor] of Object.entries(cast)) {
    const own = await addInstance(house, version);
    const other = await addInstance(house, version, { unitId: a.other.id });
    const user = (principalId: Actor['principalId']): ConnectionHolder => ({
      kind: 'instance_user',
      instanceId: own,
      principalId,
      stableKey: 'service',
    });
    const theirs = await connect(held(other), null, { unitId: a.other.id });
    table[who] = [
      await outcomeOf(() => connect(held(own), null, { actor })),
      await outcomeOf(() => connect(held(other), null, { actor, unitId: a.other.id, isTest: true })),
      await outcomeOf(() => connect(user(actor.principalId), null, { actor })),
      await outcomeOf(() => connect(user(a.admin.principalId), null, { actor })),
      await attempt(actor, (tx) =>
        bindConnection({ tx, actor, id: theirs.id, variable: null, credentialId: null }),
      ),
      await attempt(actor, (tx) => deleteConnection({ tx, actor, id: theirs.id })),
    ].join(' ');
  }
  expect(table).toEqual({
    owner: 'done done done done done done',
    member: 'done done done done done done',
    customerAdmin: 'done not_found done done not_found not_found',
    customerUser: 'forbidden not_found done forbidden not_found not_found',
  });
  const theirs = await connect(held(await addInstance(house, version)), null);
  expect(await attempt(b.owner, (tx) => deleteConnection({ tx, actor: b.owner, id: theirs.id }))).toBe(
    'not_found',
  );
});

test('an empty binding is pending, can be filled and emptied again, and counts its use each time', async () => {
  const { a, house } = two;
  const credential = await key('Fills');
  const connection = await connect(held(await addInstance(house, version)), null);
  expect(connectionStatus(connection)).toEqual({ status: 'pending', reason: 'No credential is chosen.' });
  const bind = (credentialId: Credential['id'] | null) =>
    within(a.owner, (tx) =>
      bindConnection({ tx, actor: a.owner, id: connection.id, variable: variable(), credentialId }),
    );
  await bind(credential.id);
  expect(await light(connection)).toBe('configured');
  expect((await seeCredential(house, credential))?.usedBy).toBe(1);
  await ok(connection);
  await bind(null);
  expect(await light(connection)).toBe('pending');
  expect((await seeCredential(house, credential))?.usedBy).toBe(0);
  await bind(credential.id);
  expect(await light(connection)).toBe('configured');
});

test('a credential is not deleted while a connection uses it; with the connection, instance or customer its use ends', async () => {
  const { a, house } = two;
  const unit = await within(a.owner, (tx) => createCustomer({ tx, actor: a.owner, name: 'Ending' }));
  const shared = await key('Used by three', a.organization.id);
  const own = await key('Own of ending', unit.id);
  const first = await connect(held(await addInstance(house, version)), shared);
  const instanceId = await addInstance(house, version);
  await connect(held(instanceId), shared);
  await connect(held(await addInstance(house, version, { unitId: unit.id })), shared, { unitId: unit.id });
  await connect(held(await addInstance(house, version, { unitId: unit.id })), own, { unitId: unit.id });
  const uses = async () => (await seeCredential(house, shared))?.usedBy;
  const remove = () =>
    within(a.owner, (tx) =>
      deleteCredential({ tx, vault: house.vault, actor: a.owner, id: shared.id, typedName: 'Used by three' }),
    );
  await expect(remove()).rejects.toMatchObject({
    code: 'in_use',
    message: expect.stringContaining(first.id),
  });
  await within(a.owner, (tx) => deleteConnection({ tx, actor: a.owner, id: first.id }));
  expect(await uses()).toBe(2);
  await within(a.owner, (tx) => sql`delete from instance where id = ${instanceId}`.execute(tx));
  expect(await uses()).toBe(1);
  await within(a.owner, (tx) =>
    deleteUnitWithCredentials({ tx, vault: house.vault, actor: a.owner, id: unit.id }),
  );
  expect(await uses()).toBe(0);
  await remove();
});
