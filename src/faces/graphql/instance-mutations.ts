// Making, configuring, enabling, deploying and deleting instances.
import { deployInstance } from '../../integrations/deploy.ts';
import { createInstance, deleteInstance } from '../../integrations/instance.ts';
import type { Setting } from '../../integrations/instance-binding.ts';
import { type InstanceChange, updateInstance } from '../../integrations/instance-update.ts';
import { getVersion, type Version } from '../../integrations/version.ts';
import { Fault, invalidField } from '../../kernel/fault.ts';
import type { CredentialId, IntegrationVersionId } from '../../kernel/ids.ts';
import type { Tx } from '../../storage/doors.ts';
import { builder } from './builder.ts';
import { fromGlobalId } from './global-id.ts';
import { instanceById } from './instance.ts';
import { integrationNode } from './integration-node.ts';
import { InstanceRef } from './objects.ts';
import { mutation } from './payload.ts';
import type { RequestContext } from './request-context.ts';
import { customerById } from './units.ts';

const InputVariable = builder.inputType('InputInstanceConfigVariable', {
  fields: (t) => ({
    key: t.string({ required: true }),
    value: t.string({
      description: 'Of a connection: the id of a stored credential; null or "" leaves it empty.',
    }),
  }),
});

type GivenVariables =
  | readonly ({ readonly key: string; readonly value?: string | null | undefined } | null | undefined)[]
  | null
  | undefined;

const maxVariables = 500;
const fieldNames = { version: 'integration', unit: 'customer' };

mutation('createInstance', {
  description: 'Sets an integration up for a customer. It runs when it is deployed and enabled.',
  input: (t) => ({
    name: t.string({ required: true }),
    description: t.string(),
    customer: t.id({ required: true }),
    integration: t.id({ required: true, description: 'An integration (its newest version), or a version.' }),
    configVariables: t.field({ type: [InputVariable], required: { list: false, items: false } }),
    labels: t.field({ type: ['String'], required: { list: false, items: false } }),
  }),
  returns: { instance: InstanceRef },
  fieldNames,
  run: async (input, context) => ({
    instance: await context.change(async (tx) => {
      const { actor } = context;
      refuseLabels(input.labels);
      const customer = await customerById(tx, context, input.customer, 'customer');
      const versionId = await offeredVersionId(tx, context, input.integration);
      const version = await getVersion({ tx, actor, id: versionId });
      return await createInstance({
        tx,
        actor,
        customerId: customer.id,
        versionId,
        name: input.name,
        description: input.description ?? '',
        settings: toSettings(version, input.configVariables),
      });
    }),
  }),
});

mutation('updateInstance', {
  description: 'Changes what is given. Config variables that are not named keep their values.',
  input: (t) => ({
    id: t.id({ required: true }),
    name: t.string(),
    description: t.string(),
    enabled: t.boolean(),
    integration: t.id({ description: 'Another version of the same integration.' }),
    configVariables: t.field({ type: [InputVariable], required: { list: false, items: false } }),
    labels: t.field({ type: ['String'], required: { list: false, items: false } }),
  }),
  returns: { instance: InstanceRef },
  fieldNames,
  run: async (input, context) => ({
    instance: await context.change(async (tx) => {
      const { actor } = context;
      refuseLabels(input.labels);
      const { id, versionId: current } = await instanceById(tx, context, input.id);
      const { name, description, enabled, integration } = input;
      const chosen =
        integration === undefined || integration === null
          ? null
          : await offeredVersionId(tx, context, integration);
      const version = await getVersion({ tx, actor, id: chosen ?? current });
      const change: InstanceChange = {
        ...(name === undefined || name === null ? {} : { name }),
        ...(description === undefined ? {} : { description: description ?? '' }),
        ...(enabled === undefined || enabled === null ? {} : { isEnabled: enabled }),
        ...(chosen === null ? {} : { versionId: chosen }),
        settings: toSettings(version, input.configVariables),
      };
      return await updateInstance({ tx, actor, id, change });
    }),
  }),
});

mutation('deployInstance', {
  description: 'From now on triggers run the version that the instance is set up for.',
  input: (t) => ({ id: t.id({ required: true }), force: t.boolean() }),
  returns: { instance: InstanceRef },
  run: async (input, context) => ({
    instance: await context.change(async (tx) => {
      const { id } = await instanceById(tx, context, input.id);
      return await deployInstance({ tx, actor: context.actor, id });
    }),
  }),
});

mutation('deleteInstance', {
  description: 'Deletes an instance with its executions and logs; stored credentials stay.',
  input: (t) => ({ id: t.id({ required: true }) }),
  returns: { instance: InstanceRef },
  run: async (input, context) => ({
    instance: await context.change(async (tx) => {
      const { id } = await instanceById(tx, context, input.id);
      return await deleteInstance({ tx, actor: context.actor, id });
    }),
  }),
});

async function offeredVersionId(
  tx: Tx,
  context: RequestContext,
  globalId: string,
): Promise<IntegrationVersionId> {
  const { integration, version } = await integrationNode(tx, context, globalId, 'integration');
  const id = version?.id ?? integration.latestVersion?.id;
  if (id !== undefined) return id;
  throw new Fault('conflict', 'The integration has no published version.', {
    field: 'integration',
    cure: 'Publish it first.',
  });
}

/** What a text means is decided by the version's own declaration of the variable. */
function toSettings(version: Version, given: GivenVariables): readonly Setting[] {
  const variables = (given ?? []).filter((item) => item !== null && item !== undefined);
  if (variables.length > maxVariables)
    throw invalidField('configVariables', `are more than ${maxVariables}.`);
  return variables.map(({ key, value = null }) => {
    const declared = version.definition.configVariables.find((one) => one.key === key);
    // An unknown key is the room's to explain; it knows the others.
    if (declared?.kind !== 'connection') return { key, value };
    const credentialId = value === null || value === '' ? null : credentialIdOf(value, key);
    return { key, credentialId };
  });
}

function credentialIdOf(value: string, key: string): CredentialId {
  return fromGlobalId<CredentialId>('Credential', value, key);
}

function refuseLabels(labels: readonly unknown[] | null | undefined): void {
  if ((labels?.length ?? 0) === 0) return;
  throw invalidField('labels', 'are not kept for instances.', 'Leave them out.');
}
