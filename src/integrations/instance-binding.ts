// Fills in an instance: which stored credential each connection variable uses, and the plain values.

import { type ConfigVariable, selectConfigVariables } from '../connections/config-variable-store.ts';
import { bindConnection, checkFits, createConnection } from '../connections/connection.ts';
import { type ConnectionRow, selectInstanceConnections } from '../connections/connection-store.ts';
import { findCredential } from '../credentials/credential.ts';
import { Fault, invalidField } from '../kernel/fault.ts';
import type { CredentialId, UnitId } from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';
import { type Actor, can } from '../tenancy/actor.ts';
import type { ConnectionVariable, Definition, Json, ValueVariable } from './definition.ts';
import { deleteValue, type Instance, upsertValue } from './instance-store.ts';
import { checkedValue } from './instance-value.ts';
import { named } from './problems.ts';

/** For one config variable, by key: a stored credential (null = left empty), or a value (null = the default). */
export type Setting =
  | { readonly key: string; readonly credentialId: CredentialId | null }
  | { readonly key: string; readonly value: Json };

type Target = Pick<Instance, 'id' | 'unitId' | 'kind' | 'versionId'>;

/**
 * Applies the settings, and makes a connection for each connection variable that has none yet. A connection is found by
 * stable key, so an upgrade carries it, provided that its credential still fits.
 */
export async function configureInstance(options: {
  readonly tx: Tx;
  readonly actor: Actor;
  readonly instance: Target;
  readonly definition: Definition;
  readonly settings: readonly Setting[];
}): Promise<readonly string[]> {
  const { tx, actor, instance, definition } = options;
  const variables = await selectConfigVariables(tx, instance.versionId);
  const settings = checkedSettings(actor, definition, variables, options.settings);
  const connections = await selectInstanceConnections(tx, instance.id);
  const changed: string[] = [];
  for (const variable of variables) {
    const declared = definition.configVariables.find((candidate) => candidate.key === variable.key);
    const setting = settings.get(variable.key);
    if (declared?.kind === 'value') {
      if (setting === undefined || !('value' in setting)) continue;
      await storeValue(tx, instance, declared, setting.value);
      changed.push(variable.key);
    } else if (declared?.kind === 'connection' && isHeldByInstance(variable)) {
      const chosen = setting !== undefined && 'credentialId' in setting ? setting.credentialId : undefined;
      const known = connections.find(
        (one) => one.holder === 'instance' && one.stableKey === variable.stableKey,
      );
      if (await connect({ ...options, variable, declared, known, chosen })) changed.push(variable.key);
    }
  }
  return changed;
}

/** Others are held by users, or once at the customer or the organization. */
export function isHeldByInstance(variable: ConfigVariable): boolean {
  return (
    (variable.dataType === 'connection' || variable.dataType === 'credential') &&
    variable.sharedVariableId === null &&
    variable.level === 'instance'
  );
}

function checkedSettings(
  actor: Actor,
  definition: Definition,
  variables: readonly ConfigVariable[],
  settings: readonly Setting[],
): ReadonlyMap<string, Setting> {
  const byKey = new Map<string, Setting>();
  const isOfOrganization = can(actor, 'instance.manage', [actor.tenant as string as UnitId]);
  for (const setting of settings) {
    const variable = variables.find((candidate) => candidate.key === setting.key);
    const declared = definition.configVariables.find((candidate) => candidate.key === setting.key);
    if (variable === undefined || declared === undefined) {
      const known = variables.map((candidate) => candidate.key).join(', ');
      throw invalidField(
        'configVariables',
        `this version has no config variable ${named(setting.key)}.`,
        known === '' ? 'It has none.' : `It has: ${known.slice(0, 500)}.`,
      );
    }
    if (byKey.has(setting.key)) throw invalidField(setting.key, 'is given twice.', 'Give it once.');
    if (variable.isOrgOnly && !isOfOrganization) {
      throw new Fault('forbidden', `${setting.key}: only members of the organization fill this in.`, {
        field: setting.key,
        cure: 'Leave it out.',
      });
    }
    checkKind(setting, declared.kind, variable);
    byKey.set(setting.key, setting);
  }
  return byKey;
}

function checkKind(setting: Setting, kind: 'connection' | 'value', variable: ConfigVariable): void {
  if (kind === 'value' && !('value' in setting)) {
    throw invalidField(setting.key, 'is no connection.', 'Give a value.');
  }
  if (kind === 'connection' && !('credentialId' in setting)) {
    throw invalidField(setting.key, 'is a connection.', 'Give the id of a stored credential, or null.');
  }
  if (kind === 'connection' && !isHeldByInstance(variable)) {
    const holder = variable.level === 'user' ? 'each user' : 'the organization or the customer, once';
    throw invalidField(setting.key, `is connected by ${holder}.`, 'Leave it out here.');
  }
}

async function storeValue(tx: Tx, instance: Target, variable: ValueVariable, given: Json): Promise<void> {
  const value = checkedValue(variable, given);
  if (value === null) await deleteValue(tx, instance.id, variable.stableKey);
  else await upsertValue(tx, instance.id, variable.stableKey, value);
}

/** True when the binding changed. `chosen` undefined leaves it as it is. */
async function connect(options: {
  readonly tx: Tx;
  readonly actor: Actor;
  readonly instance: Target;
  readonly variable: ConfigVariable;
  readonly declared: ConnectionVariable;
  readonly known: ConnectionRow | undefined;
  readonly chosen: CredentialId | null | undefined;
}): Promise<boolean> {
  const { tx, actor, instance, variable, known, chosen } = options;
  const credentialId = chosen === undefined ? (known?.credentialId ?? null) : chosen;
  if (credentialId !== null) await checkMethod(tx, options.declared, credentialId);
  if (known !== undefined) {
    if (chosen === undefined || chosen === known.credentialId) {
      if (credentialId !== null) await checkCarried(tx, variable, credentialId);
      return false;
    }
    await bindConnection({ tx, actor, id: known.id, variable, credentialId });
    return true;
  }
  await createConnection({
    tx,
    actor,
    unitId: instance.unitId,
    holder: { kind: 'instance', instanceId: instance.id, stableKey: variable.stableKey },
    isTest: instance.kind === 'test',
    variable,
    credentialId,
  });
  return credentialId !== null;
}

/** A variable of the first generation may list the methods that it takes. */
async function checkMethod(
  tx: Tx,
  { key, source }: ConnectionVariable,
  credentialId: CredentialId,
): Promise<void> {
  if (source.kind !== 'credential' || source.connectionTypes.length === 0) return;
  const credential = await findCredential(tx, credentialId);
  const method = credential?.connectionType.key;
  // Absent or invisible is told by the binding itself.
  if (method === undefined || source.connectionTypes.some((allowed) => allowed === method)) return;
  throw invalidField(
    key,
    `takes no credential of the type ${method}.`,
    `Choose one of these types: ${source.connectionTypes.join(', ')}.`,
  );
}

/** The version may have changed what the connection is for. */
async function checkCarried(tx: Tx, variable: ConfigVariable, credentialId: CredentialId): Promise<void> {
  const credential = await findCredential(tx, credentialId);
  if (credential !== null) await checkFits(tx, variable, credential, variable.key);
}
