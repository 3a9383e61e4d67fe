// Instances: what may be left empty, what may be bound by whom, and what an upgrade carries along.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fixed, probeConnection, probeYaml, variable } from '../../testing/probe-flow.ts';
import { openRunnerHouse, type RunnerHouse } from '../../testing/runner-house.ts';
import { selectInstanceConnections } from '../connections/connection-store.ts';
import { deleteCredential } from '../credentials/delete-credential.ts';
import { firstPage } from '../kernel/page.ts';
import type { Tx } from '../storage/doors.ts';
import { createCustomer } from '../tenancy/unit.ts';
import { deployInstance } from './deploy.ts';
import {
  createInstance,
  deleteInstance,
  ensureTestInstance,
  getInstance,
  type Instance,
  listInstances,
} from './instance.ts';
import { selectValues } from './instance-store.ts';
import { updateInstance } from './instance-update.ts';
import type { Integration } from './integration.ts';
import { getIntegration } from './integration.ts';

let rooms: RunnerHouse;
beforeAll(async () => {
  rooms = await openRunnerHouse();
  await rooms.publishProbe();
});
afterAll(() => rooms.close());

const within = <T>(work: (tx: Tx) => Promise<T>) => rooms.house.doors.withTenant(rooms.house.tenant, work);
const connectionsOf = (instance: Instance) => within((tx) => selectInstanceConnections(tx, instance.id));
const look = (key: string) => [{ name: 'Look', action: 'look', inputs: { connection: variable(key) } }];
const latestOf = async (integration: Integration) => {
  const { latestVersion } = await within((tx) =>
    getIntegration({ tx, actor: rooms.house.owner, id: integration.id }),
  );
  if (latestVersion === null) throw new Error('not published');
  return latestVersion.id;
};

test('an instance is saved as far as it is filled in; deploying names what is missing', async () => {
  const integration = await rooms.publish(
    probeYaml({
      variables: [
        probeConnection('Needed', 'apiKey'),
        probeConnection('Extra', 'apiKey', { required: false }),
        { key: 'Bucket', dataType: 'string' },
        { key: 'Folder', dataType: 'string', defaultValue: '/in' },
      ],
      steps: look('Extra'),
    }),
  );
  const instance = await rooms.instanceOf(integration, { isLive: false });
  expect(instance).toMatchObject({ isEnabled: false, deployedAt: null, kind: 'deployed', versionNo: 1 });
  expect(await connectionsOf(instance)).toMatchObject([
    { stableKey: 'extra', credentialId: null },
    { stableKey: 'needed', credentialId: null },
  ]);
  await expect(rooms.deploy(instance)).rejects.toMatchObject({
    code: 'invalid_field',
    field: 'Needed',
    public: 'Needed: no credential is chosen. Fill it in, as well as "Bucket", then deploy.',
  });
  const credential = await rooms.apiKeyCredential();
  await rooms.change(instance, { settings: [{ key: 'Needed', credentialId: credential.id }] });
  await expect(rooms.deploy(instance)).rejects.toMatchObject({ field: 'Bucket' });
  await rooms.change(instance, { settings: [{ key: 'Bucket', value: 'b' }] });
  const deployed = await rooms.deploy(instance);
  expect(deployed).toMatchObject({ deployedVersionNo: 1, isEnabled: false });
  expect(deployed.flows).toMatchObject([{ flowKey: 'Flow 1', name: 'Flow 1', hasApiKeys: false }]);
});

test('credentials of the customer and of the organization may be bound, nobody else’s and none of another kind', async () => {
  const { house } = rooms;
  const integration = await rooms.publish(
    probeYaml({ variables: [probeConnection('Account', 'apiKey')], steps: look('Account') }),
  );
  const rival = await within((tx) =>
    createCustomer({ tx, actor: house.owner, name: 'Rival', externalId: 'rival-1' }),
  );
  const make = (credentialId: Parameters<typeof rooms.change>[1]['settings']) =>
    rooms.instanceOf(integration, { isLive: false, settings: credentialId ?? [] });
  const ofCustomer = await rooms.apiKeyCredential();
  const ofOrganization = await rooms.apiKeyCredential({ unitId: house.organization.id });
  const ofRival = await rooms.apiKeyCredential({ unitId: rival.id });
  for (const { id } of [ofCustomer, ofOrganization]) {
    const [connection] = await connectionsOf(await make([{ key: 'Account', credentialId: id }]));
    expect(connection?.credentialId).toBe(id);
  }
  await expect(make([{ key: 'Account', credentialId: ofRival.id }])).rejects.toMatchObject({
    code: 'not_found',
    field: 'Account',
  });
  const { credential: oauth } = await rooms.oauthCredential();
  await expect(make([{ key: 'Account', credentialId: oauth.id }])).rejects.toMatchObject({
    code: 'invalid_field',
    field: 'Account',
  });
  await expect(make([{ key: 'Nowhere', credentialId: null }])).rejects.toMatchObject({
    message: expect.stringContaining('no config variable "Nowhere"'),
  });
  await expect(make([{ key: 'Account', value: 'text' }])).rejects.toMatchObject({ field: 'Account' });
});

test('a credential that is bound is not deleted; deleting the instance lets it go', async () => {
  const integration = await rooms.publish(
    probeYaml({ variables: [probeConnection('Account', 'apiKey')], steps: look('Account') }),
  );
  const credential = await rooms.apiKeyCredential();
  const instance = await rooms.instanceOf(integration, {
    settings: [{ key: 'Account', credentialId: credential.id }],
  });
  const remove = () =>
    within((tx) =>
      deleteCredential({
        tx,
        vault: rooms.house.vault,
        actor: rooms.house.owner,
        id: credential.id,
        typedName: credential.label ?? '',
      }),
    );
  await expect(remove()).rejects.toMatchObject({ code: 'in_use' });
  await within((tx) => deleteInstance({ tx, actor: rooms.house.owner, id: instance.id }));
  await remove();
});

test('an upgrade carries connections by stable key with their colour, and refuses what does not fit any more', async () => {
  const first = probeYaml({
    name: 'Growing',
    variables: [probeConnection('Account', 'apiKey'), probeConnection('Old', 'apiKey')],
    steps: look('Account'),
  });
  const integration = await rooms.publish(first);
  const [kept, dropped] = [await rooms.apiKeyCredential(), await rooms.apiKeyCredential()];
  const instance = await rooms.instanceOf(integration, {
    settings: [
      { key: 'Account', credentialId: kept.id },
      { key: 'Old', credentialId: dropped.id },
    ],
  });
  const worker = await rooms.process();
  await rooms.trigger(instance);
  await rooms.work(worker);
  expect((await rooms.colours(instance)).account?.status).toBe('healthy');
  const before = await connectionsOf(instance);
  // Renamed, with the same stable key; another one is new, and one is gone.
  await rooms.publish(
    probeYaml({
      name: 'Growing',
      variables: [
        probeConnection('Renamed', 'apiKey', { stableKey: 'account' }),
        probeConnection('New', 'apiKey', { required: false }),
      ],
      steps: look('Renamed'),
    }),
    { integrationId: integration.id },
  );
  const upgraded = await rooms.change(instance, { versionId: await latestOf(integration) });
  expect(upgraded).toMatchObject({ versionNo: 2, deployedVersionNo: 1 });
  // What is deployed still needs what the new version dropped.
  expect((await connectionsOf(instance)).map((row) => row.stableKey)).toEqual(['account', 'new', 'old']);
  await rooms.deploy(instance);
  const after = await connectionsOf(instance);
  expect(after.map((row) => row.stableKey)).toEqual(['account', 'new']);
  expect(after[0]).toEqual(before.find((row) => row.stableKey === 'account'));
  await within((tx) =>
    deleteCredential({
      tx,
      vault: rooms.house.vault,
      actor: rooms.house.owner,
      id: dropped.id,
      typedName: dropped.label ?? '',
    }),
  );
  await rooms.publish(
    probeYaml({ name: 'Growing', variables: [probeConnection('Account', 'oauth2')], steps: look('Account') }),
    { integrationId: integration.id },
  );
  const versionId = await latestOf(integration);
  await expect(rooms.change(instance, { versionId })).rejects.toMatchObject({
    code: 'invalid_field',
    field: 'Account',
  });
  const { credential: oauth } = await rooms.oauthCredential();
  const rebound = await rooms.change(instance, {
    versionId,
    settings: [{ key: 'Account', credentialId: oauth.id }],
  });
  expect(rebound.versionNo).toBe(3);
});

test('values are checked by type, and steps get them as what they are', async () => {
  const integration = await rooms.publish(
    probeYaml({
      variables: [
        { key: 'Count', dataType: 'number', required: false },
        { key: 'On', dataType: 'boolean', defaultValue: 'true' },
        { key: 'Choice', dataType: 'picklist', pickList: ['a', 'b'], required: false },
        { key: 'List', dataType: 'string', collectionType: 'valuelist', required: false },
        { key: 'Pairs', dataType: 'string', collectionType: 'keyvaluelist', required: false },
      ],
      steps: [
        {
          name: 'Echo',
          action: 'echo',
          inputs: Object.fromEntries(
            ['Count', 'On', 'Choice', 'List', 'Pairs'].map((key) => [key, variable(key)]),
          ),
        },
      ],
    }),
  );
  const instance = await rooms.instanceOf(integration, {
    settings: [
      { key: 'Count', value: '12.5' },
      { key: 'List', value: '["x","y"]' },
      { key: 'Pairs', value: [{ key: 'k', value: 'v' }] },
    ],
  });
  const { executionId } = await rooms.trigger(instance);
  await rooms.work(await rooms.process());
  expect(await rooms.dataOf(executionId, 1)).toMatchObject({
    Count: 12.5,
    On: true,
    Choice: null,
    List: ['x', 'y'],
    Pairs: [{ key: 'k', value: 'v' }],
  });
  const wrong: readonly [string, never][] = [
    ['Count', 'many' as never],
    ['On', 'perhaps' as never],
    ['Choice', 'c' as never],
    ['List', 'not json' as never],
    ['Pairs', [{ key: 1 }] as never],
    ['List', ['a\0b'] as never],
  ];
  for (const [key, value] of wrong) {
    await expect(rooms.change(instance, { settings: [{ key, value }] })).rejects.toMatchObject({
      code: 'invalid_field',
      field: key,
    });
  }
  await rooms.change(instance, { settings: [{ key: 'Count', value: null }] });
  expect([...(await within((tx) => selectValues(tx, instance.id))).keys()].sort()).toEqual(['List', 'Pairs']);
});

test('a customer configures its own instances, but not what the organization keeps to itself', async () => {
  const { house } = rooms;
  const admin = await house.addActor(house, house.customer.id, 'customer_admin');
  const user = await house.addActor(house, house.customer.id, 'customer_user');
  const integration = await rooms.publish(
    probeYaml({
      name: 'For customers',
      variables: [
        probeConnection('Ours', 'apiKey', { orgOnly: true, required: false }),
        { key: 'Note', dataType: 'string', required: false },
      ],
      steps: look('Ours'),
    }),
  );
  const make = (actor: typeof admin, settings: Parameters<typeof createInstance>[0]['settings'] = []) =>
    within((tx) =>
      createInstance({
        tx,
        actor,
        customerId: house.customer.id,
        integrationId: integration.id,
        name: 'Theirs',
        settings,
      }),
    );
  const instance = await make(admin, [{ key: 'Note', value: 'hello' }]);
  await expect(make(user)).rejects.toMatchObject({ code: 'forbidden' });
  const credential = await rooms.apiKeyCredential();
  await expect(make(admin, [{ key: 'Ours', credentialId: credential.id }])).rejects.toMatchObject({
    code: 'forbidden',
    field: 'Ours',
  });
  await within((tx) => deployInstance({ tx, actor: admin, id: instance.id }));
  expect((await within((tx) => getInstance({ tx, actor: user, id: instance.id }))).deployedVersionNo).toBe(1);
  await expect(
    within((tx) => updateInstance({ tx, actor: user, id: instance.id, change: { isEnabled: true } })),
  ).rejects.toMatchObject({ code: 'forbidden' });
});

test('an instance is found by name within what the actor sees; another tenant finds nothing', async () => {
  const { house } = rooms;
  const other = await house.addTenant('Other');
  const integration = await rooms.publish(
    probeYaml({ name: 'Listed', steps: [{ name: 'File', action: 'file' }] }),
  );
  const instance = await rooms.instanceOf(integration);
  await rooms.change(instance, { name: '100% named_so' });
  const search = async (text: string, actor = house.owner, tenant = house.tenant) =>
    await house.doors.withTenant(tenant, async (tx) => {
      const page = await listInstances({ tx, actor, search: text, page: firstPage });
      return page.items.map((item) => item.name);
    });
  expect(await search('% NAMED_')).toEqual(['100% named_so']);
  expect(await search('100_')).toEqual([]);
  expect(await search('', other.owner, other.tenant)).toEqual([]);
  await expect(
    house.doors.withTenant(other.tenant, (tx) => getInstance({ tx, actor: other.owner, id: instance.id })),
  ).rejects.toMatchObject({ code: 'not_found' });
  await expect(
    house.doors.withTenant(other.tenant, (tx) =>
      createInstance({
        tx,
        actor: other.owner,
        customerId: other.customer.id,
        integrationId: integration.id,
        name: 'Stolen',
      }),
    ),
  ).rejects.toMatchObject({ code: 'not_found' });
});

test('the test instance of an integration runs its draft as it is now, for those who build it', async () => {
  const { house } = rooms;
  const steps = [{ name: 'Echo', action: 'echo', inputs: { value: fixed('one') } }];
  const integration = await rooms.publish(probeYaml({ name: 'Drafted', steps }));
  const open = () =>
    within((tx) => ensureTestInstance({ tx, actor: house.owner, integrationId: integration.id }));
  const instance = await open();
  expect(instance).toMatchObject({ kind: 'test', versionNo: null, unitId: house.organization.id });
  expect((await open()).id).toBe(instance.id);
  await expect(rooms.trigger(instance)).rejects.toMatchObject({ code: 'not_found' });
  await rooms.publish(
    probeYaml({ name: 'Drafted', steps: [{ ...steps[0], inputs: { value: fixed('two') } } as never] }),
    {
      integrationId: integration.id,
    },
  );
  const { executionId } = await rooms.test(instance);
  await rooms.work(await rooms.process());
  expect(await rooms.dataOf(executionId, 1)).toMatchObject({ value: 'two' });
  const listed = await within((tx) =>
    listInstances({ tx, actor: house.owner, integrationId: integration.id, page: firstPage }),
  );
  expect(listed.totalCount).toBe(0);
});
