// Instances: an integration set up for one customer. Made, found, listed and deleted here; configured in
// instance-update.ts, brought into service in deploy.ts.
import { audit } from '../audit/event.ts';
import { deleteConnection } from '../connections/connection.ts';
import { selectInstanceConnections } from '../connections/connection-store.ts';
import { Fault, invalidField, notFound } from '../kernel/fault.ts';
import {
  type InstanceId,
  type IntegrationId,
  type IntegrationVersionId,
  newId,
  type UnitId,
} from '../kernel/ids.ts';
import type { Page, PageRequest } from '../kernel/page.ts';
import type { Tx } from '../storage/doors.ts';
import { type Actor, requirePermission, requireVisible, unitsWith } from '../tenancy/actor.ts';
import { checkName, getUnit } from '../tenancy/unit.ts';
import type { Definition } from './definition.ts';
import { configureInstance, type Setting } from './instance-binding.ts';
import {
  deleteInstanceRow,
  type Instance,
  type InstanceFlowId,
  insertInstance,
  lockInstance,
  selectInstance,
  selectInstances,
  selectTestInstanceIds,
  upsertFlow,
} from './instance-store.ts';
import { getIntegration } from './integration.ts';
import { getVersion, type Version } from './version.ts';

export type { Instance, InstanceFlow, InstanceFlowId } from './instance-store.ts';

const maxDescriptionLength = 10_000;

/** Saved as far as it is filled in; deploying asks for the rest. */
export async function createInstance(options: {
  readonly tx: Tx;
  readonly actor: Actor;
  readonly customerId: UnitId;
  /** One of the two: the newest published version of an integration, or a certain version. */
  readonly integrationId?: IntegrationId | null;
  readonly versionId?: IntegrationVersionId | null;
  readonly name: string;
  readonly description?: string;
  readonly settings?: readonly Setting[];
}): Promise<Instance> {
  const { tx, actor } = options;
  const unit = await getUnit({ tx, actor, id: options.customerId, what: 'Customer' });
  if (unit.kind !== 'customer') {
    throw invalidField('customer', `is a ${unit.kind}.`, 'Give the id of a customer.');
  }
  requirePermission(actor, 'instance.manage', unit.path);
  const version = await versionFor(options);
  const integration = await getIntegration({ tx, actor, id: version.integrationId });
  if (!unit.path.includes(integration.unitId)) {
    throw invalidField('integration', 'belongs to another customer.', 'Choose one of the organization.');
  }
  return await makeInstance({
    ...options,
    unitId: unit.id,
    version,
    kind: 'deployed',
    settings: options.settings ?? [],
  });
}

async function versionFor(options: {
  readonly tx: Tx;
  readonly actor: Actor;
  readonly integrationId?: IntegrationId | null;
  readonly versionId?: IntegrationVersionId | null;
}): Promise<Version> {
  const { tx, actor } = options;
  const integrationId = options.integrationId ?? null;
  let versionId = options.versionId ?? null;
  if (versionId === null && integrationId !== null) {
    const integration = await getIntegration({ tx, actor, id: integrationId });
    if (integration.latestVersion === null) throw notPublished();
    versionId = integration.latestVersion.id;
  }
  if (versionId === null)
    throw invalidField('integration', 'is missing.', 'Name an integration or a version of one.');
  const version = await getVersion({ tx, actor, id: versionId });
  return requireOffered(version);
}

/** What new and upgraded instances may take. */
export function requireOffered(version: Version): Version {
  if (version.versionNo === null) throw notPublished();
  if (version.isAvailable) return version;
  throw new Fault('conflict', `Version ${version.versionNo} is not available any more.`, {
    field: 'integration',
    cure: 'Choose another version.',
  });
}

function notPublished(): Fault {
  return new Fault('conflict', 'The integration has no published version.', {
    field: 'integration',
    cure: 'Publish it first.',
  });
}

async function makeInstance(options: {
  readonly tx: Tx;
  readonly actor: Actor;
  readonly unitId: UnitId;
  readonly version: Version;
  readonly kind: Instance['kind'];
  readonly name: string;
  readonly description?: string;
  readonly settings: readonly Setting[];
}): Promise<Instance> {
  const { tx, actor, version, unitId, kind } = options;
  const id = newId<InstanceId>();
  await insertInstance(tx, {
    id,
    unitId,
    integrationId: version.integrationId,
    versionId: version.id,
    name: checkName(options.name),
    description: checkDescription(options.description ?? ''),
    kind,
    createdBy: actor.principalId,
  });
  await addFlows(tx, id, version.definition);
  const instance = { id, unitId, kind, versionId: version.id };
  const { definition } = version;
  const fields = await configureInstance({ tx, actor, instance, definition, settings: options.settings });
  await audit(tx, {
    action: 'instance.created',
    actor,
    object: { kind: 'instance', id },
    fields: ['name', ...fields],
  });
  return await findOrFail(tx, id);
}

/** Flows that a version does not have any more keep their rows, with what ran in them; they just cannot start. */
export async function addFlows(tx: Tx, instanceId: InstanceId, definition: Definition): Promise<void> {
  for (const flow of definition.flows) {
    await upsertFlow(tx, {
      id: newId<InstanceFlowId>(),
      instanceId,
      flowKey: flow.stableKey,
      name: flow.name,
    });
  }
}

export function checkDescription(text: string): string {
  if (text.length > maxDescriptionLength) {
    throw invalidField('description', `is longer than ${maxDescriptionLength} characters.`, 'Shorten it.');
  }
  if (text.includes('\0')) throw invalidField('description', 'holds control characters.', 'Remove them.');
  return text;
}

/** The integration's own instance, on its draft, for whoever builds it. Made on first use. */
export async function ensureTestInstance(options: {
  readonly tx: Tx;
  readonly actor: Actor;
  readonly integrationId: IntegrationId;
}): Promise<Instance> {
  const { tx, actor, integrationId } = options;
  const integration = await getIntegration({ tx, actor, id: integrationId });
  requirePermission(actor, 'integration.manage', integration.unitPath);
  const [known] = await selectTestInstanceIds(tx, integrationId);
  if (known !== undefined) return await findOrFail(tx, known);
  const version = await getVersion({ tx, actor, id: integration.draftVersionId });
  const { unitId, name } = integration;
  return await makeInstance({ tx, actor, unitId, version, kind: 'test', name, settings: [] });
}

async function findOrFail(tx: Tx, id: InstanceId): Promise<Instance> {
  const instance = await selectInstance(tx, id);
  if (instance === null) throw notFound('Instance');
  return instance;
}

/** not_found when it is absent or the actor may not see it. */
export async function getInstance(options: {
  readonly tx: Tx;
  readonly actor: Actor;
  readonly id: InstanceId;
}): Promise<Instance> {
  const instance = await selectInstance(options.tx, options.id);
  requireVisible(options.actor, 'instance.view', instance?.unitPath, 'Instance');
  return await findOrFail(options.tx, options.id);
}

/** By name. Test instances are left out unless asked for by kind. */
export async function listInstances(options: {
  readonly tx: Tx;
  readonly actor: Actor;
  readonly customerId?: UnitId | null;
  readonly integrationId?: IntegrationId | null;
  readonly kind?: Instance['kind'];
  readonly isEnabled?: boolean | null;
  readonly search?: string | null;
  readonly page: PageRequest;
}): Promise<Page<Instance>> {
  return await selectInstances(options.tx, {
    within: unitsWith(options.actor, 'instance.view'),
    unitId: options.customerId ?? null,
    integrationId: options.integrationId ?? null,
    kind: options.kind ?? 'deployed',
    isEnabled: options.isEnabled ?? null,
    search: options.search ?? null,
    page: options.page,
  });
}

/** With its connections, executions and logs. Stored credentials stay: they are the customer's. */
export async function deleteInstance(options: {
  readonly tx: Tx;
  readonly actor: Actor;
  readonly id: InstanceId;
}): Promise<Instance> {
  const { tx, actor, id } = options;
  const instance = await getInstance(options);
  requirePermission(actor, 'instance.manage', instance.unitPath);
  await lockInstance(tx, id);
  for (const connection of await selectInstanceConnections(tx, id)) {
    await deleteConnection({ tx, actor, id: connection.id });
  }
  await deleteInstanceRow(tx, id);
  await audit(tx, { action: 'instance.deleted', actor, object: { kind: 'instance', id } });
  return instance;
}

export async function deleteTestInstances(options: {
  readonly tx: Tx;
  readonly actor: Actor;
  readonly integrationId: IntegrationId;
}): Promise<void> {
  for (const id of await selectTestInstanceIds(options.tx, options.integrationId)) {
    await deleteInstance({ tx: options.tx, actor: options.actor, id });
  }
}
