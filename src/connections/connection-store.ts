// SQL of connections: one holder's value of a connection config variable.
import { sql } from 'kysely';
import type { GrantState } from '../credentials/grant-store.ts';
import type {
  ConnectionId,
  CredentialId,
  ExecutionId,
  InstanceId,
  PrincipalId,
  TenantId,
  UnitId,
} from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';

export type Holder = 'instance' | 'instance_user' | 'customer' | 'organization';

export type ConnectionRow = {
  readonly tenantId: TenantId;
  readonly id: ConnectionId;
  readonly holder: Holder;
  readonly unitId: UnitId;
  readonly instanceId: InstanceId | null;
  readonly principalId: PrincipalId | null;
  readonly stableKey: string | null;
  readonly sharedVariableId: string | null;
  readonly isTest: boolean;
  /** Null = the drop-down was left empty. */
  readonly credentialId: CredentialId | null;
  readonly storedStatus: 'healthy' | 'error' | null;
  readonly statusConsentNo: number | null;
  readonly reason: string | null;
  readonly lastOkExecutionId: ExecutionId | null;
  readonly statusAt: Date | null;
  /** The last time that one of the credential's values was set. */
  readonly valuesSetAt: Date | null;
  /** Of the credential's grant; null unless it is an OAuth one. */
  readonly grantState: GrantState | null;
  readonly consentNo: number | null;
  readonly grantError: string | null;
};

const columns = sql`
  c.tenant_id as "tenantId", c.id, c.holder, c.unit_id as "unitId", c.instance_id as "instanceId",
  c.principal_id as "principalId", c.stable_key as "stableKey", c.shared_variable_id as "sharedVariableId",
  c.is_test as "isTest", c.credential_id as "credentialId", c.status as "storedStatus",
  c.status_consent_no as "statusConsentNo", c.reason, c.last_ok_execution_id as "lastOkExecutionId",
  c.status_at as "statusAt",
  (select max(v.updated_at) from credential_value v
    where v.tenant_id = c.tenant_id and v.credential_id = c.credential_id) as "valuesSetAt", g.state as "grantState", g.consent_no as "consentNo", g.last_error as "grantError"
  from connection c left join oauth_grant g on g.tenant_id = c.tenant_id and g.credential_id = c.credential_id`;

export type NewConnection = Pick<
  ConnectionRow,
  | 'tenantId'
  | 'id'
  | 'holder'
  | 'unitId'
  | 'instanceId'
  | 'principalId'
  | 'stableKey'
  | 'sharedVariableId'
  | 'isTest'
  | 'credentialId'
>;

export async function selectInstanceUnit(tx: Tx, id: InstanceId): Promise<UnitId | null> {
  const found = await sql<{ unitId: UnitId }>`
    select unit_id as "unitId" from instance where tenant_id = latchkey_tenant() and id = ${id}`.execute(tx);
  return found.rows[0]?.unitId ?? null;
}

export async function insertConnection(tx: Tx, row: NewConnection): Promise<void> {
  await sql`
    insert into connection (tenant_id, id, holder, unit_id, instance_id, principal_id, stable_key, shared_variable_id, is_test,
      credential_id)
    values (${row.tenantId}, ${row.id}, ${row.holder}, ${row.unitId}, ${row.instanceId}, ${row.principalId},
      ${row.stableKey}, ${row.sharedVariableId}, ${row.isTest}, ${row.credentialId})`.execute(tx);
}

export async function selectConnection(tx: Tx, id: ConnectionId): Promise<ConnectionRow | null> {
  const found = await sql<ConnectionRow>`
    select ${columns} where c.tenant_id = latchkey_tenant() and c.id = ${id}`.execute(tx);
  return found.rows[0] ?? null;
}

export async function selectInstanceConnections(
  tx: Tx,
  instanceId: InstanceId,
): Promise<readonly ConnectionRow[]> {
  const found = await sql<ConnectionRow>`
    select ${columns} where c.tenant_id = latchkey_tenant() and c.instance_id = ${instanceId}
    order by c.stable_key, c.holder, c.id`.execute(tx);
  return found.rows;
}

/** The connection that a holder has for a shared variable, if any. */
export async function selectSharedConnection(
  tx: Tx,
  key: {
    readonly sharedVariableId: string;
    readonly holder: 'customer' | 'organization';
    readonly unitId: UnitId;
    readonly isTest: boolean;
  },
): Promise<ConnectionRow | null> {
  const found = await sql<ConnectionRow>`
    select ${columns} where c.tenant_id = latchkey_tenant() and c.shared_variable_id = ${key.sharedVariableId}
      and c.holder = ${key.holder} and c.unit_id = ${key.unitId} and c.is_test = ${key.isTest}`.execute(tx);
  return found.rows[0] ?? null;
}

/** Another credential is another story: what was known about the old one is forgotten. */
export async function updateBinding(
  tx: Tx,
  id: ConnectionId,
  credentialId: CredentialId | null,
): Promise<void> {
  await sql`
    update connection set credential_id = ${credentialId}, status = null, status_consent_no = null, reason = null,
      status_at = null, last_ok_execution_id = null, updated_at = clock_timestamp()
    where tenant_id = latchkey_tenant() and id = ${id}`.execute(tx);
}

export async function updateStatus(
  tx: Tx,
  id: ConnectionId,
  status: {
    readonly status: 'healthy' | 'error';
    readonly reason: string | null;
    readonly executionId: ExecutionId;
  },
): Promise<void> {
  await sql`
    update connection c set status = ${status.status}, reason = ${status.reason}, status_at = clock_timestamp(),
      status_consent_no = (select g.consent_no from oauth_grant g
        where g.tenant_id = c.tenant_id and g.credential_id = c.credential_id),
      last_ok_execution_id = case when ${status.status}::text = 'healthy' then ${status.executionId}::uuid
        else c.last_ok_execution_id end
    where c.tenant_id = latchkey_tenant() and c.id = ${id}`.execute(tx);
}

export async function deleteConnectionRow(tx: Tx, id: ConnectionId): Promise<void> {
  await sql`delete from connection where tenant_id = latchkey_tenant() and id = ${id}`.execute(tx);
}
