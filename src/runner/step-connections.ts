// The connections that a step uses, with fresh tokens. Tokens are read first and outside of transactions, because
// reading one may wait for a refresh.

import type { ReadAudit } from '../audit/read-audit.ts';
import type { ConfigVariable } from '../connections/config-variable-store.ts';
import { findConnection } from '../connections/connection.ts';
import {
  type ConnectionRow,
  selectInstanceConnections,
  selectSharedConnection,
} from '../connections/connection-store.ts';
import { type ResolvedConnection, resolveConnection } from '../connections/resolve.ts';
import type { Expression, ListItem, Step } from '../integrations/definition.ts';
import { type Fault, invalidField, isFault } from '../kernel/fault.ts';
import type { ConnectionId, CredentialId, UnitId } from '../kernel/ids.ts';
import type { UseNotes } from '../refresh/note-use.ts';
import type { TokenReader } from '../refresh/read-token.ts';
import type { Doors, Tx } from '../storage/doors.ts';
import type { Vault } from '../vault/vault.ts';
import type { ExecutionPlan } from './execution-plan.ts';

/** Longer than this a token need not live: providers that give short ones would be asked at every step. */
const maxMinTtlSeconds = 300;

export type UsedConnection = {
  readonly variable: ConfigVariable;
  readonly connectionId: ConnectionId;
  readonly credentialId: CredentialId;
  /** Of the grant that was read; what the step learns is said of this consent and of no later one. */
  readonly consentNo: number | null;
  /** When its values were last typed in; of newer ones nothing has been learned. */
  readonly valuesSetAt: Date | null;
};

export type StepConnection = UsedConnection & { readonly resolved: ResolvedConnection };

/** The provider does not stand by the account any more: a fault of this connection, found before the step ran. */
export type Unauthorized = {
  readonly kind: 'unauthorized';
  readonly used: UsedConnection;
  readonly fault: Fault;
};

export type StepConnections = {
  readonly kind: 'connected';
  /** By key of the variable; null = left empty. */
  readonly byVariable: ReadonlyMap<string, StepConnection | null>;
};

type Deps = {
  readonly doors: Doors;
  readonly vault: Vault;
  readonly reader: Pick<TokenReader, 'readToken'>;
  readonly useNotes: Pick<UseNotes, 'note'>;
  readonly readAudit: Pick<ReadAudit, 'record'>;
  readonly stepTimeoutMs: number;
};

export async function connectStep(
  deps: Deps,
  plan: ExecutionPlan,
  step: Step,
): Promise<StepConnections | Unauthorized> {
  const { doors, vault } = deps;
  const tenant = plan.execution.tenantId;
  const wanted = variablesOf(step, plan.variables);
  const rows = await doors.withTenant(tenant, (tx) => rowsOf(tx, plan, wanted));
  const byVariable = new Map<string, StepConnection | null>();
  for (const variable of wanted) {
    const row = rows.get(variable.key);
    if (row === undefined || row.credentialId === null) {
      requireOptional(variable, step);
      byVariable.set(variable.key, null);
      continue;
    }
    const { credentialId } = row;
    const used = {
      variable,
      connectionId: row.id,
      credentialId,
      consentNo: row.consentNo,
      valuesSetAt: row.valuesSetAt,
    };
    const reading = row.grantState === null ? null : await readToken(deps, plan, used);
    if (reading !== null && 'fault' in reading) return reading;
    const resolved = await doors.withTenant(tenant, (tx) =>
      resolveConnection({
        tx,
        vault,
        tenant,
        connectionId: row.id,
        credentialId,
        variable,
        tokens: reading === null ? null : { stored: reading.tokens, expiresAt: reading.expiresAt },
        // Components are the organization's own or the platform's.
        isTrusted: true,
      }),
    );
    byVariable.set(variable.key, { ...used, consentNo: reading?.consentNo ?? null, resolved });
    deps.useNotes.note(tenant, credentialId);
    deps.readAudit.record(tenant, {
      actor: { kind: 'step', principalId: null, name: `instance ${plan.execution.instanceId}` },
      action: 'credential.read',
      object: { kind: 'credential', id: credentialId },
    });
  }
  return { kind: 'connected', byVariable };
}

async function readToken(deps: Deps, plan: ExecutionPlan, used: UsedConnection) {
  const minTtlSeconds = Math.min(Math.ceil(deps.stepTimeoutMs / 1000), maxMinTtlSeconds);
  const { credentialId } = used;
  try {
    const { grant } = await deps.reader.readToken({
      tenant: plan.execution.tenantId,
      credentialId,
      minTtlSeconds,
    });
    return grant;
  } catch (error) {
    if (!isFault(error, 'needs_authorization')) throw error;
    return { kind: 'unauthorized', used, fault: error } as const;
  }
}

function requireOptional(variable: ConfigVariable, step: Step): void {
  if (!variable.isRequired) return;
  throw invalidField(
    variable.key,
    `the step "${step.name}" needs this connection, and no credential is chosen.`,
    'Choose one where the instance is configured.',
  );
}

/** What the step's inputs refer to, and the credential of a step of the first generation. */
function variablesOf(step: Step, variables: readonly ConfigVariable[]): readonly ConfigVariable[] {
  const keys = new Set(step.inputs.flatMap((input) => keysIn(input.value)));
  if (step.credentialVariable !== null) keys.add(step.credentialVariable);
  return variables.filter(
    (variable) =>
      keys.has(variable.key) && (variable.dataType === 'connection' || variable.dataType === 'credential'),
  );
}

function keysIn(expression: Expression): readonly string[] {
  if (expression.kind === 'configVariable') return expression.key === null ? [] : [expression.key];
  return expression.kind === 'list' ? expression.items.flatMap(keysInItem) : [];
}

function keysInItem(item: ListItem): readonly string[] {
  if (item.kind === 'group') return item.items.flatMap(keysInItem);
  return item.kind === 'entry' ? keysIn(item.value) : [];
}

async function rowsOf(
  tx: Tx,
  plan: ExecutionPlan,
  wanted: readonly ConfigVariable[],
): Promise<ReadonlyMap<string, ConnectionRow>> {
  if (wanted.length === 0) return new Map();
  const own = await selectInstanceConnections(tx, plan.execution.instanceId);
  const rows = new Map<string, ConnectionRow>();
  for (const variable of wanted) {
    const row =
      variable.sharedVariableId === null
        ? own.find((one) => one.holder === 'instance' && one.stableKey === variable.stableKey)
        : await sharedRow(tx, plan, variable.sharedVariableId);
    if (row !== undefined && row !== null) rows.set(variable.key, row);
  }
  return rows;
}

/** The customer's own first, then what the organization holds for everybody. */
async function sharedRow(
  tx: Tx,
  plan: ExecutionPlan,
  sharedVariableId: string,
): Promise<ConnectionRow | null> {
  const { tenantId, customerId } = plan.execution;
  const key = { sharedVariableId, isTest: false };
  return (
    (await selectSharedConnection(tx, { ...key, holder: 'customer', unitId: customerId })) ??
    (await selectSharedConnection(tx, {
      ...key,
      holder: 'organization',
      unitId: tenantId as string as UnitId,
    }))
  );
}

/** Whether what was learned with `used` may still be said of the connection. */
export async function isStillMeant(tx: Tx, used: UsedConnection): Promise<boolean> {
  const now = await findConnection(tx, used.connectionId);
  return (
    now !== null &&
    now.credentialId === used.credentialId &&
    now.consentNo === used.consentNo &&
    now.valuesSetAt?.getTime() === used.valuesSetAt?.getTime()
  );
}
