// Changing an instance: names, settings, keys of its triggers, whether it is enabled, and which version it is set up for.
import { createHash } from 'node:crypto';
import { audit } from '../audit/event.ts';
import { invalidField } from '../kernel/fault.ts';
import type { InstanceId, IntegrationVersionId } from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';
import { type Actor, requirePermission } from '../tenancy/actor.ts';
import { checkName } from '../tenancy/unit.ts';
import { addFlows, checkDescription, getInstance, type Instance, requireOffered } from './instance.ts';
import { configureInstance, type Setting } from './instance-binding.ts';
import {
  lockInstance,
  updateEnabled,
  updateFlowKeys,
  updateInstanceTexts,
  updateVersion,
} from './instance-store.ts';
import { named } from './problems.ts';
import { getVersion } from './version.ts';

export type InstanceChange = {
  readonly name?: string;
  readonly description?: string;
  readonly isEnabled?: boolean;
  /** Only the named variables change. */
  readonly settings?: readonly Setting[];
  /** Another version of the same integration; connections and values are carried by stable key. */
  readonly versionId?: IntegrationVersionId;
  /** The keys that callers of a flow's trigger must show, by flow key; replaces those that it had. */
  readonly apiKeys?: ReadonlyMap<string, readonly string[]>;
};

export async function updateInstance(options: {
  readonly tx: Tx;
  readonly actor: Actor;
  readonly id: InstanceId;
  readonly change: InstanceChange;
}): Promise<Instance> {
  const { tx, actor, id, change } = options;
  const instance = await getInstance({ tx, actor, id });
  requirePermission(actor, 'instance.manage', instance.unitPath);
  await lockInstance(tx, id);
  const fields: string[] = [];
  if (change.name !== undefined || change.description !== undefined) {
    const name = change.name === undefined ? instance.name : checkName(change.name);
    const description = checkDescription(change.description ?? instance.description);
    await updateInstanceTexts(tx, id, { name, description });
    fields.push(...(['name', 'description'] as const).filter((field) => change[field] !== undefined));
  }
  fields.push(...(await reconfigure(options, instance)));
  for (const [flowKey, keys] of change.apiKeys ?? []) {
    await setApiKeys(tx, instance, flowKey, keys);
    fields.push('apiKeys');
  }
  if (fields.length > 0) {
    await audit(tx, { action: 'instance.updated', actor, object: { kind: 'instance', id }, fields });
  }
  if (change.isEnabled !== undefined && change.isEnabled !== instance.isEnabled) {
    await updateEnabled(tx, id, change.isEnabled);
    const action = change.isEnabled ? 'instance.enabled' : 'instance.disabled';
    await audit(tx, { action, actor, object: { kind: 'instance', id } });
  }
  return await getInstance({ tx, actor, id });
}

async function reconfigure(
  options: { readonly tx: Tx; readonly actor: Actor; readonly change: InstanceChange },
  instance: Instance,
): Promise<readonly string[]> {
  const { tx, actor, change } = options;
  const isUpgrade = change.versionId !== undefined && change.versionId !== instance.versionId;
  if (!isUpgrade && (change.settings ?? []).length === 0) return [];
  const version = await getVersion({ tx, actor, id: change.versionId ?? instance.versionId });
  if (isUpgrade) {
    if (version.integrationId !== instance.integrationId) {
      throw invalidField('version', 'belongs to another integration.', 'Choose a version of the same one.');
    }
    requireOffered(version);
    await updateVersion(tx, instance.id, version.id);
    await addFlows(tx, instance.id, version.definition);
  }
  const changed = await configureInstance({
    tx,
    actor,
    instance: { ...instance, versionId: version.id },
    definition: version.definition,
    settings: change.settings ?? [],
  });
  return isUpgrade ? ['version', ...changed] : changed;
}

const maxApiKeys = 20;

async function setApiKeys(
  tx: Tx,
  instance: Instance,
  flowKey: string,
  keys: readonly string[],
): Promise<void> {
  if (keys.length > maxApiKeys) {
    throw invalidField('apiKeys', `has more than ${maxApiKeys} keys.`, 'Remove some.');
  }
  if (keys.some((key) => key.length < 8 || key.length > 1000)) {
    throw invalidField(
      'apiKeys',
      'has a key that is too short or too long.',
      'Give keys of 8 to 1000 characters.',
    );
  }
  const hashes = keys.map((key) => createHash('sha256').update(key).digest());
  if (!(await updateFlowKeys(tx, instance.id, flowKey, hashes))) {
    throw invalidField('apiKeys', `there is no flow ${named(flowKey)}.`, 'Use the stable key of a flow.');
  }
}
