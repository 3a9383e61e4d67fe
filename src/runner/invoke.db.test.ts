import { afterAll, beforeAll, expect, test } from 'vitest';
import { probeYaml } from '../../testing/probe-flow.ts';
import { openRunnerHouse, type RunnerHouse, type RunnerProcess } from '../../testing/runner-house.ts';
import { getIntegration } from '../integrations/integration.ts';
import type { IntegrationId } from '../kernel/ids.ts';
import { firstPage } from '../kernel/page.ts';
import { createCustomer } from '../tenancy/unit.ts';
import { listExecutions } from './execution.ts';
import { invokeTest, invokeTrigger } from './invoke.ts';
import { emptyPayload } from './payload.ts';

let rooms: RunnerHouse;
let worker: RunnerProcess;
beforeAll(async () => {
  rooms = await openRunnerHouse();
  await rooms.publishProbe();
  worker = await rooms.process();
});
afterAll(() => rooms.close());

const oneFile = { steps: [{ name: 'File', action: 'file' }] };

test('only an instance that is deployed and enabled takes calls; what is wrong is told', async () => {
  const integration = await rooms.publish(probeYaml(oneFile));
  const instance = await rooms.instanceOf(integration, { isLive: false });
  await expect(rooms.trigger(instance)).rejects.toMatchObject({
    status: 409,
    message: 'The instance is disabled.',
  });
  await rooms.change(instance, { isEnabled: true });
  await expect(rooms.trigger(instance)).rejects.toMatchObject({
    status: 409,
    message: 'The instance is not deployed.',
  });
  await rooms.deploy(instance);
  await expect(rooms.trigger(instance)).resolves.toMatchObject({ isSynchronous: false });
  await rooms.change(instance, { isEnabled: false });
  await expect(rooms.trigger(instance)).rejects.toMatchObject({
    status: 409,
    message: 'The instance is disabled.',
  });
  expect(await rooms.queued()).toBe(1);
  await rooms.work(worker);
});

test('a flow that the deployed version lost keeps its executions and takes no calls', async () => {
  const integration = await rooms.publish(
    probeYaml({
      flows: [
        { name: 'Stays', ...oneFile },
        { name: 'Goes', ...oneFile },
      ],
    }),
  );
  const instance = await rooms.instanceOf(integration);
  const { executionId } = await rooms.trigger(instance, { flowKey: 'Goes' });
  await rooms.publish(probeYaml({ flows: [{ name: 'Stays', ...oneFile }] }), {
    integrationId: integration.id,
  });
  await rooms.work(worker);
  const { id: versionId } = (await latest(integration.id)) ?? {};
  if (versionId === undefined) throw new Error('not published');
  await rooms.deploy(await rooms.change(instance, { versionId }));
  await expect(rooms.trigger(instance, { flowKey: 'Goes' })).rejects.toMatchObject({ status: 410 });
  expect((await rooms.see(executionId)).status).toBe('succeeded');
});

async function latest(id: IntegrationId) {
  return await rooms.house.doors.withTenant(rooms.house.tenant, async (tx) => {
    return (await getIntegration({ tx, actor: rooms.house.owner, id })).latestVersion;
  });
}

test('API keys guard a trigger as its flow says, and a key of another flow opens nothing', async () => {
  const integration = await rooms.publish(
    probeYaml({
      flows: [
        { name: 'Optional', ...oneFile, more: { endpointSecurityType: 'customer_optional' } },
        { name: 'Required', ...oneFile, more: { endpointSecurityType: 'customer_required' } },
        {
          name: 'Ours',
          ...oneFile,
          more: { endpointSecurityType: 'organization', organizationApiKeys: ['planted-organization-key'] },
        },
      ],
    }),
  );
  const instance = await rooms.instanceOf(integration);
  const answers = async (flowKey: string, apiKey?: string) =>
    await rooms
      .trigger(instance, { flowKey, ...(apiKey === undefined ? {} : { apiKey }) })
      .then(() => 202)
      .catch((error: { status: number }) => error.status);
  expect(await answers('Optional')).toBe(202);
  expect(await answers('Required')).toBe(401);
  const apiKeys = new Map([
    ['Optional', ['key-of-optional']],
    ['Required', ['key-of-required', 'second-of-required']],
  ]);
  await rooms.change(instance, { apiKeys });
  expect(await answers('Optional')).toBe(401);
  expect(await answers('Optional', 'key-of-optional')).toBe(202);
  expect(await answers('Required', 'second-of-required')).toBe(202);
  expect(await answers('Required', 'key-of-optional')).toBe(401);
  expect(await answers('Required', '')).toBe(401);
  expect(await answers('Ours')).toBe(401);
  expect(await answers('Ours', 'planted-organization-key')).toBe(202);
  await rooms.work(worker);
  const stored = await rooms.house.doors.withTenant(rooms.house.tenant, (tx) =>
    tx.selectFrom('integration_version').selectAll().where('integration_id', '=', integration.id).execute(),
  );
  expect(JSON.stringify(stored)).not.toContain('planted-organization-key');
});

test('another tenant can neither start, see, list nor test what is not its own', async () => {
  const other = await rooms.house.addTenant('Other');
  const integration = await rooms.publish(probeYaml(oneFile));
  const instance = await rooms.instanceOf(integration);
  const flowId = instance.flows[0]?.id ?? ('' as never);
  const { executionId } = await rooms.trigger(instance);
  const { doors, vault } = rooms.house;
  const asOther = { vault, flowId, payload: emptyPayload, apiKey: null, tenant: other.tenant };
  await expect(
    doors.withTenant(other.tenant, (tx) => invokeTrigger({ tx, ...asOther })),
  ).rejects.toMatchObject({
    code: 'not_found',
  });
  await expect(
    doors.withTenant(other.tenant, (tx) => invokeTest({ tx, ...asOther, actor: other.owner })),
  ).rejects.toMatchObject({ code: 'not_found' });
  await expect(rooms.see(executionId, other)).rejects.toMatchObject({ code: 'not_found' });
  const list = await doors.withTenant(other.tenant, (tx) =>
    listExecutions({ tx, actor: other.owner, page: firstPage }),
  );
  expect(list.totalCount).toBe(0);
  await rooms.work(worker);
});

test('customers see and test what runs for them, and only that; seeing is not running', async () => {
  const { house } = rooms;
  const integration = await rooms.publish(probeYaml(oneFile));
  const instance = await rooms.instanceOf(integration);
  const flowId = instance.flows[0]?.id ?? ('' as never);
  const admin = await house.addActor(house, house.customer.id, 'customer_admin');
  const user = await house.addActor(house, house.customer.id, 'customer_user');
  const rival = await house.doors.withTenant(house.tenant, (tx) =>
    createCustomer({ tx, actor: house.owner, name: 'Rival', externalId: 'rival' }),
  );
  const stranger = await house.addActor(house, rival.id, 'customer_admin');
  const start = (actor: typeof admin) =>
    house.doors.withTenant(house.tenant, (tx) =>
      invokeTest({ tx, vault: house.vault, actor, flowId, payload: emptyPayload }),
    );
  const { executionId } = await start(admin);
  await expect(start(user)).rejects.toMatchObject({ code: 'forbidden' });
  await expect(start(stranger)).rejects.toMatchObject({ code: 'not_found' });
  await rooms.work(worker);
  const seen = async (actor: typeof admin) =>
    await house.doors.withTenant(house.tenant, async (tx) => {
      const { items } = await listExecutions({ tx, actor, page: firstPage });
      return items.map((item) => item.id);
    });
  expect(await seen(user)).toContain(executionId);
  expect(await seen(stranger)).toEqual([]);
});

test('a body that is too large, or a head that is, is refused before anything is stored', async () => {
  const instance = await rooms.instanceOf(await rooms.publish(probeYaml(oneFile)));
  await expect(
    rooms.trigger(instance, { payload: { body: Buffer.alloc(11 * 1024 * 1024) } }),
  ).rejects.toMatchObject({
    status: 413,
  });
  await expect(
    rooms.trigger(instance, { payload: { query: { q: 'x'.repeat(70_000) } } }),
  ).rejects.toMatchObject({
    status: 400,
  });
  expect(await rooms.queued()).toBe(0);
});
