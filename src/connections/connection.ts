// Connections: which credential a holder uses for a connection config variable, and how it fares.
import { audit } from '../audit/event.ts';
import { getConnectionType } from '../credentials/connection-type.ts';
import { type Credential, findCredential, getCredential } from '../credentials/credential.ts';
import { oneLine, writeConnectionLog } from '../credentials/log-store.ts';
import { addUse, removeUse } from '../credentials/use.ts';
import { Fault, invalidField, notFound } from '../kernel/fault.ts';
import {
  type ConnectionId,
  type CredentialId,
  type ExecutionId,
  type InstanceId,
  newId,
  type PrincipalId,
  type UnitId,
} from '../kernel/ids.ts';
import { isForeignKeyViolation, isUniqueViolation } from '../storage/database.ts';
import type { Tx } from '../storage/doors.ts';
import { type Actor, requirePermission, requireVisible } from '../tenancy/actor.ts';
import { findUnit } from '../tenancy/unit.ts';
import type { ConfigVariable } from './config-variable-store.ts';
import {
  type ConnectionRow,
  deleteConnectionRow,
  insertConnection,
  type NewConnection,
  selectConnection,
  selectInstanceUnit,
  updateBinding,
  updateStatus,
} from './connection-store.ts';
import { missingFields } from './field-names.ts';

export type Connection = ConnectionRow;

const useKind = 'connection';

export type ConnectionHolder =
  | { readonly kind: 'instance'; readonly instanceId: InstanceId; readonly stableKey: string }
  | {
      readonly kind: 'instance_user';
      readonly instanceId: InstanceId;
      readonly principalId: PrincipalId;
      readonly stableKey: string;
    }
  | { readonly kind: 'customer'; readonly sharedVariableId: string }
  | { readonly kind: 'organization'; readonly sharedVariableId: string };

/** `unitId` is the customer's, except for what the organization holds for everybody. */
export async function createConnection(options: {
  readonly tx: Tx;
  readonly actor: Actor;
  readonly unitId: UnitId;
  readonly holder: ConnectionHolder;
  readonly isTest: boolean;
  /** What the credential must fit; null when there is no declared type. */
  readonly variable: Pick<ConfigVariable, 'key' | 'dataType' | 'connectionType' | 'fields'> | null;
  readonly credentialId: CredentialId | null;
}): Promise<Connection> {
  const { tx, actor, holder, unitId } = options;
  const unit = await findUnit(tx, unitId);
  requireHolding(actor, unit?.path, 'principalId' in holder ? holder.principalId : null);
  if ('instanceId' in holder) await requireInstanceAt(tx, holder.instanceId, unitId);
  const id = newId<ConnectionId>();
  if (options.credentialId !== null) await checkBinding(options, unit?.path ?? [], options.credentialId);
  await insertNew(tx, {
    tenantId: actor.tenant,
    id,
    holder: holder.kind,
    unitId,
    instanceId: 'instanceId' in holder ? holder.instanceId : null,
    principalId: 'principalId' in holder ? holder.principalId : null,
    stableKey: 'stableKey' in holder ? holder.stableKey : null,
    sharedVariableId: 'sharedVariableId' in holder ? holder.sharedVariableId : null,
    isTest: options.isTest,
    credentialId: options.credentialId,
  });
  if (options.credentialId !== null)
    await addUse(tx, options.credentialId, { userKind: useKind, userId: id });
  await audit(tx, { action: 'connection.created', actor, object: { kind: 'connection', id } });
  return await getConnection(tx, id);
}

async function insertNew(tx: Tx, row: NewConnection): Promise<void> {
  try {
    await insertConnection(tx, row);
  } catch (error) {
    if (isForeignKeyViolation(error)) throw notFound(row.principalId === null ? 'Config variable' : 'User');
    if (!isUniqueViolation(error)) throw error;
    throw new Fault('conflict', 'There is a connection for this already.', {
      cure: 'Choose another credential for the existing one.',
    });
  }
}

/**
 * Whoever manages instances at the unit configures its connections; somebody's own connection is his own affair as long
 * as he may use credentials there.
 */
function requireHolding(
  actor: Actor,
  unitPath: readonly UnitId[] | undefined,
  principalId: PrincipalId | null,
): void {
  requireVisible(actor, 'unit.view', unitPath, 'Unit');
  const isOwn = principalId !== null && principalId === actor.principalId;
  requirePermission(actor, isOwn ? 'credential.use' : 'instance.manage', unitPath);
}

/** An instance's connections belong to its customer: with another's they would read another's credentials. */
async function requireInstanceAt(tx: Tx, instanceId: InstanceId, unitId: UnitId): Promise<void> {
  if ((await selectInstanceUnit(tx, instanceId)) !== unitId) throw notFound('Instance', 'instance');
}

export async function findConnection(tx: Tx, id: ConnectionId): Promise<Connection | null> {
  return await selectConnection(tx, id);
}

export async function getConnection(tx: Tx, id: ConnectionId): Promise<Connection> {
  const connection = await selectConnection(tx, id);
  if (connection === null) throw notFound('Connection');
  return connection;
}

/** Chooses another credential, or none. */
export async function bindConnection(options: {
  readonly tx: Tx;
  readonly actor: Actor;
  readonly id: ConnectionId;
  readonly variable: Pick<ConfigVariable, 'key' | 'dataType' | 'connectionType' | 'fields'> | null;
  readonly credentialId: CredentialId | null;
}): Promise<Connection> {
  const { tx, actor, id, credentialId } = options;
  const connection = await getConnection(tx, id);
  const unit = await findUnit(tx, connection.unitId);
  requireHolding(actor, unit?.path, connection.principalId);
  if (connection.credentialId === credentialId) return connection;
  if (credentialId !== null) await checkBinding(options, unit?.path ?? [], credentialId);
  await updateBinding(tx, id, credentialId);
  if (connection.credentialId !== null) {
    await removeUse(tx, connection.credentialId, { userKind: useKind, userId: id });
  }
  if (credentialId !== null) await addUse(tx, credentialId, { userKind: useKind, userId: id });
  const action = credentialId === null ? 'connection.unbound' : 'connection.bound';
  await audit(tx, { action, actor, object: { kind: 'connection', id }, fields: ['credential'] });
  return await getConnection(tx, id);
}

export async function deleteConnection(options: {
  readonly tx: Tx;
  readonly actor: Actor;
  readonly id: ConnectionId;
}): Promise<void> {
  const { tx, actor, id } = options;
  const connection = await getConnection(tx, id);
  requireHolding(actor, (await findUnit(tx, connection.unitId))?.path, connection.principalId);
  // Its use of the credential goes with the row.
  await deleteConnectionRow(tx, id);
  await audit(tx, { action: 'connection.deleted', actor, object: { kind: 'connection', id } });
}

// A credential serves its own unit and everything beneath: the customer's own or the organization's, never a sibling's.
// The organization's are offered to whoever configures for a customer, and stay invisible to the customer.
async function checkBinding(
  options: {
    readonly tx: Tx;
    readonly actor: Actor;
    readonly variable: Pick<ConfigVariable, 'key' | 'dataType' | 'connectionType' | 'fields'> | null;
  },
  unitPath: readonly UnitId[],
  credentialId: CredentialId,
): Promise<void> {
  const { tx, actor, variable } = options;
  const field = variable === null ? 'credential' : variable.key;
  const credential = await findCredential(tx, credentialId);
  if (credential === null || !unitPath.includes(credential.unitId)) throw notFound('Credential', field);
  // Made within one connection and shown nowhere else.
  if (credential.kind === 'owned' && credential.usedBy > 0) throw notFound('Credential', field);
  await getCredential({ tx, actor, id: credentialId });
  requirePermission(actor, 'credential.use', credential.unitPath);
  if (variable !== null) await checkFits(tx, variable, credential, field);
}

/** Refuses a credential whose fields cannot fill what the variable needs. */
export async function checkFits(
  tx: Tx,
  variable: Pick<ConfigVariable, 'dataType' | 'connectionType' | 'fields'>,
  credential: Credential,
  field: string,
): Promise<void> {
  const wantedKey = variable.connectionType;
  if (wantedKey === null || wantedKey.id === credential.connectionType.id) return;
  const wanted = await getConnectionType(tx, wantedKey);
  const own = await getConnectionType(tx, credential.connectionType);
  const isSameKind = (wanted.oauthKind === null) === (own.oauthKind === null);
  const given = variable.fields
    .filter((candidate) => candidate.hasDefault)
    .map((candidate) => candidate.fieldKey);
  const missing = missingFields(
    wanted.fields,
    own.fields.map((candidate) => candidate.key),
    given,
  );
  if (isSameKind && missing.length === 0) return;
  throw invalidField(
    field,
    isSameKind
      ? `${own.label} does not hold what ${wanted.label} needs (${missing.join(', ')}).`
      : `${own.label} cannot serve as ${wanted.label}.`,
    'Choose a credential of a fitting type.',
  );
}

export type Mark = {
  readonly connectionId: ConnectionId;
  readonly executionId: ExecutionId;
  /** Under which consent it was used; absent when that is not known. */
  readonly consentNo?: number | null;
};

/** Null when there is nothing to mark any more: the connection went, or another account was connected meanwhile. */
async function findMarked(tx: Tx, mark: Mark): Promise<Connection | null> {
  const connection = await selectConnection(tx, mark.connectionId);
  if (connection === null || mark.consentNo === undefined) return connection;
  return mark.consentNo === connection.consentNo ? connection : null;
}

/** Green: used successfully in an execution of the instance. Test runs never call this. */
export async function markHealthy(tx: Tx, options: Mark): Promise<void> {
  const { connectionId, executionId } = options;
  const before = await findMarked(tx, options);
  if (before === null) return;
  await updateStatus(tx, connectionId, { status: 'healthy', reason: null, executionId });
  if (before.storedStatus === 'healthy' && before.statusConsentNo === before.consentNo) return;
  await writeConnectionLog(tx, {
    connectionId,
    executionId,
    severity: 'info',
    code: 'connection_healthy',
    message: 'The connection was used successfully.',
  });
}

/** Red: the component says that the connection itself is at fault. */
export async function markError(tx: Tx, options: Mark & { readonly reason: string }): Promise<void> {
  const { connectionId, executionId } = options;
  if ((await findMarked(tx, options)) === null) return;
  const reason = oneLine(options.reason).slice(0, 500);
  await updateStatus(tx, connectionId, { status: 'error', reason, executionId });
  await writeConnectionLog(tx, {
    connectionId,
    executionId,
    severity: 'error',
    code: 'connection_error',
    message: reason,
  });
}
