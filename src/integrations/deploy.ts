// Deploying: from now on triggers run the version that the instance is set up for. Refused while something that is
// required is left empty, and told by name.
import { audit } from '../audit/event.ts';
import { type ConfigVariable, selectConfigVariables } from '../connections/config-variable-store.ts';
import { deleteConnection } from '../connections/connection.ts';
import { type ConnectionRow, selectInstanceConnections } from '../connections/connection-store.ts';
import { invalidField } from '../kernel/fault.ts';
import type { InstanceId } from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';
import { type Actor, requirePermission } from '../tenancy/actor.ts';
import { addFlows, getInstance, type Instance } from './instance.ts';
import { configureInstance, isHeldByInstance } from './instance-binding.ts';
import { lockInstance, selectValues, updateDeployed } from './instance-store.ts';
import { named } from './problems.ts';
import { getVersion, type Version } from './version.ts';

export async function deployInstance(options: {
  readonly tx: Tx;
  readonly actor: Actor;
  readonly id: InstanceId;
}): Promise<Instance> {
  const { tx, actor, id } = options;
  const instance = await getInstance({ tx, actor, id });
  requirePermission(actor, 'instance.manage', instance.unitPath);
  await lockInstance(tx, id);
  const version = await getVersion({ tx, actor, id: instance.versionId });
  const { definition } = version;
  // The draft of a test instance may have changed since it was configured.
  await configureInstance({ tx, actor, instance, definition, settings: [] });
  const variables = await selectConfigVariables(tx, version.id);
  const connections = await selectInstanceConnections(tx, id);
  requireComplete({
    variables,
    connections,
    empty: await emptyValues(tx, instance, version),
  });
  await addFlows(tx, id, definition);
  // Until now what ran was the old version; connections that only it had held their credentials for it.
  for (const connection of connections) {
    const isKept = variables.some((variable) => variable.stableKey === connection.stableKey);
    if (!isKept) await deleteConnection({ tx, actor, id: connection.id });
  }
  await updateDeployed(tx, id);
  await audit(tx, {
    action: 'instance.deployed',
    actor,
    object: { kind: 'instance', id },
    detail: { versionNo: version.versionNo },
  });
  return await getInstance({ tx, actor, id });
}

async function emptyValues(tx: Tx, instance: Instance, version: Version): Promise<ReadonlySet<string>> {
  const values = await selectValues(tx, instance.id);
  const empty = version.definition.configVariables.filter(
    (variable) =>
      variable.kind === 'value' && !values.has(variable.stableKey) && (variable.default ?? '') === '',
  );
  return new Set(empty.map((variable) => variable.key));
}

/** Which required variables are empty; shown before somebody tries to deploy. */
function requireComplete(state: {
  readonly variables: readonly ConfigVariable[];
  readonly connections: readonly ConnectionRow[];
  readonly empty: ReadonlySet<string>;
}): void {
  const missing = state.variables.filter((variable) => {
    if (!variable.isRequired || variable.level === 'user') return false;
    if (!isHeldByInstance(variable)) return state.empty.has(variable.key);
    const connection = state.connections.find(
      (one) => one.holder === 'instance' && one.stableKey === variable.stableKey,
    );
    return (connection?.credentialId ?? null) === null;
  });
  const [first] = missing;
  if (first === undefined) return;
  const others = missing.slice(1, 20).map((variable) => named(variable.key));
  throw invalidField(
    first.key,
    isHeldByInstance(first) ? 'no credential is chosen.' : 'has no value.',
    others.length === 0
      ? 'Fill it in, then deploy.'
      : `Fill it in, as well as ${others.join(', ')}, then deploy.`,
  );
}
