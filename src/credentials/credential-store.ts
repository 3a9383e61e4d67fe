// SQL of credentials, their values and their users.
import { sql } from 'kysely';
import { notFound } from '../kernel/fault.ts';
import type { AuthClientId, CredentialId, PrincipalId, TenantId, UnitId } from '../kernel/ids.ts';
import type { Page, PageRequest } from '../kernel/page.ts';
import { containsPattern } from '../storage/contains-pattern.ts';
import type { Tx } from '../storage/doors.ts';
import type { Sealed } from '../vault/sealed.ts';
import type { ConnectionTypeId, OAuthKind } from './connection-type-store.ts';
import type { GrantState } from './grant-store.ts';

export type CredentialRow = {
  readonly tenantId: TenantId;
  readonly id: CredentialId;
  readonly unitId: UnitId;
  readonly unitPath: readonly UnitId[];
  readonly kind: 'named' | 'owned';
  readonly label: string | null;
  readonly typeTenantId: TenantId;
  readonly typeId: ConnectionTypeId;
  readonly typeKey: string;
  readonly typeLabel: string;
  readonly oauthKind: OAuthKind | null;
  readonly authClientTenantId: TenantId | null;
  readonly authClientId: AuthClientId | null;
  readonly templateId: string | null;
  readonly authorizeParams: Readonly<Record<string, string>>;
  readonly reportedError: string | null;
  readonly redirectSuccess: string | null;
  readonly redirectFailure: string | null;
  readonly createdBy: PrincipalId | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly fieldKeys: readonly string[];
  readonly usedBy: number;
  readonly grantState: GrantState | null;
  readonly consentNo: number | null;
  readonly tokenNo: number | null;
  readonly issuedAt: Date | null;
  readonly expiresAt: Date | null;
  readonly refreshExpiresAt: Date | null;
  readonly refreshDueAt: Date | null;
  readonly refreshedAt: Date | null;
  readonly lastErrorCode: string | null;
  readonly lastError: string | null;
  readonly grantedScope: string | null;
  readonly accountLabel: string | null;
  readonly isRefreshing: boolean;
};

const columns = sql`
  c.tenant_id as "tenantId", c.id, c.unit_id as "unitId", c.kind, c.label,
  array_remove(array[u.id, u.parent_id,
    (select parent.parent_id from unit parent where parent.tenant_id = u.tenant_id and parent.id = u.parent_id)],
    null)::text[] as "unitPath",
  t.tenant_id as "typeTenantId", t.id as "typeId", t.key as "typeKey", t.label as "typeLabel", t.oauth_kind as "oauthKind",
  c.auth_client_tenant_id as "authClientTenantId", c.auth_client_id as "authClientId", c.template_id as "templateId",
  c.authorize_params as "authorizeParams", c.reported_error as "reportedError", c.redirect_success as "redirectSuccess",
  c.redirect_failure as "redirectFailure", c.created_by as "createdBy", c.created_at as "createdAt",
  c.updated_at as "updatedAt",
  array(select v.field_key from credential_value v where v.tenant_id = c.tenant_id and v.credential_id = c.id order by 1) as "fieldKeys",
  (select count(*) from credential_use x where x.tenant_id = c.tenant_id and x.credential_id = c.id) as "usedBy",
  g.state as "grantState", g.consent_no as "consentNo", g.token_no as "tokenNo", g.issued_at as "issuedAt",
  g.expires_at as "expiresAt", g.refresh_expires_at as "refreshExpiresAt", g.refresh_due_at as "refreshDueAt",
  g.refreshed_at as "refreshedAt", g.last_error_code as "lastErrorCode", g.last_error as "lastError",
  g.granted_scope as "grantedScope", g.account_label as "accountLabel",
  coalesce(g.attempt_id is not null, false) as "isRefreshing"`;

const joins = sql`
  from credential c
  join unit u on u.tenant_id = c.tenant_id and u.id = c.unit_id
  join connection_type t on t.tenant_id = c.connection_type_tenant_id and t.id = c.connection_type_id
  left join oauth_grant g on g.tenant_id = c.tenant_id and g.credential_id = c.id`;

export async function selectCredential(tx: Tx, id: CredentialId): Promise<CredentialRow | null> {
  const found = await sql<CredentialRow>`
    select ${columns} ${joins} where c.tenant_id = latchkey_tenant() and c.id = ${id}`.execute(tx);
  return found.rows[0] ?? null;
}

const locks = {
  /** In a row that refers to it, such as a use or a line of its log. */
  mention: sql`for key share`,
  change: sql`for no key update`,
  deletion: sql`for update`,
} as const;

/**
 * Before the grant is locked, never after it: who goes the other way round waits for us while we wait for him. Who mentions it
 * waits for a deletion only.
 */
export async function lockCredential(tx: Tx, id: CredentialId, purpose: keyof typeof locks): Promise<void> {
  await sql`
    select 1 from credential where tenant_id = latchkey_tenant() and id = ${id} ${locks[purpose]}`.execute(
    tx,
  );
}

export type CredentialFilter = {
  /** Credentials of these units and of everything beneath them. */
  readonly within: readonly UnitId[];
  /** Only this unit's own, or this unit's with those of the units beneath it. */
  readonly unitId: UnitId | null;
  readonly includeBeneath: boolean;
  readonly authClientId: AuthClientId | null;
  readonly createdBy: PrincipalId | null;
  readonly search: string | null;
  readonly page: PageRequest;
};

export async function selectCredentials(tx: Tx, filter: CredentialFilter): Promise<Page<CredentialRow>> {
  const pattern = containsPattern(filter.search);
  const within = sql`${[...filter.within]}::uuid[]`;
  const grandparent = sql`(select parent.parent_id from unit parent where parent.tenant_id = u.tenant_id and parent.id = u.parent_id)`;
  const matching = sql`
    where c.tenant_id = latchkey_tenant() and c.kind = 'named'
      and (u.id = any(${within}) or u.parent_id = any(${within}) or ${grandparent} = any(${within}))
      and (${filter.unitId}::uuid is null or u.id = ${filter.unitId}::uuid
        or (${filter.includeBeneath} and (u.parent_id = ${filter.unitId}::uuid or ${grandparent} = ${filter.unitId}::uuid)))
      and (${filter.authClientId}::uuid is null or c.auth_client_id = ${filter.authClientId}::uuid)
      and (${filter.createdBy}::uuid is null or c.created_by = ${filter.createdBy}::uuid)
      and (${pattern}::text is null or c.label ilike ${pattern}::text)`;
  const counted = await sql<{ total: number }>`select count(*) as total ${joins} ${matching}`.execute(tx);
  const found = await sql<CredentialRow>`
    select ${columns} ${joins} ${matching} order by c.label, c.id limit ${filter.page.limit} offset ${filter.page.offset}`.execute(
    tx,
  );
  return { items: found.rows, totalCount: counted.rows[0]?.total ?? 0, offset: filter.page.offset };
}

export type NewCredentialRow = {
  readonly tenantId: TenantId;
  readonly id: CredentialId;
  readonly unitId: UnitId;
  readonly kind: 'named' | 'owned';
  readonly label: string | null;
  readonly typeTenantId: TenantId;
  readonly typeId: ConnectionTypeId;
  readonly authClient: { readonly tenantId: TenantId; readonly id: AuthClientId } | null;
  readonly templateId: string | null;
  readonly authorizeParams: Readonly<Record<string, string>>;
  readonly redirectSuccess: string | null;
  readonly redirectFailure: string | null;
  readonly createdBy: PrincipalId | null;
};

export async function insertCredential(tx: Tx, row: NewCredentialRow): Promise<void> {
  await sql`
    insert into credential (tenant_id, id, unit_id, kind, label, connection_type_tenant_id, connection_type_id,
      auth_client_tenant_id, auth_client_id, template_id, authorize_params, redirect_success, redirect_failure, created_by)
    values (${row.tenantId}, ${row.id}, ${row.unitId}, ${row.kind}, ${row.label}, ${row.typeTenantId}, ${row.typeId},
      ${row.authClient?.tenantId ?? null}, ${row.authClient?.id ?? null}, ${row.templateId},
      ${JSON.stringify(row.authorizeParams)}::jsonb, ${row.redirectSuccess}, ${row.redirectFailure}, ${row.createdBy})`.execute(
    tx,
  );
}

export type CredentialChange = {
  readonly label?: string;
  readonly authClient?: { readonly tenantId: TenantId; readonly id: AuthClientId };
  readonly authorizeParams?: Readonly<Record<string, string>>;
  readonly reportedError?: string | null;
  readonly redirectSuccess?: string | null;
  readonly redirectFailure?: string | null;
};

export async function updateCredentialRow(tx: Tx, id: CredentialId, change: CredentialChange): Promise<void> {
  const set = [
    sql`updated_at = clock_timestamp()`,
    ...(change.label === undefined ? [] : [sql`label = ${change.label}`]),
    ...(change.authClient === undefined
      ? []
      : [
          sql`auth_client_tenant_id = ${change.authClient.tenantId}`,
          sql`auth_client_id = ${change.authClient.id}`,
        ]),
    ...(change.authorizeParams === undefined
      ? []
      : [sql`authorize_params = ${JSON.stringify(change.authorizeParams)}::jsonb`]),
    ...(change.reportedError === undefined ? [] : [sql`reported_error = ${change.reportedError}`]),
    ...(change.redirectSuccess === undefined ? [] : [sql`redirect_success = ${change.redirectSuccess}`]),
    ...(change.redirectFailure === undefined ? [] : [sql`redirect_failure = ${change.redirectFailure}`]),
  ];
  await sql`update credential set ${sql.join(set)} where tenant_id = latchkey_tenant() and id = ${id}`.execute(
    tx,
  );
}

export async function deleteCredentialRow(tx: Tx, id: CredentialId): Promise<void> {
  await sql`delete from credential where tenant_id = latchkey_tenant() and id = ${id}`.execute(tx);
}

export type ValueRow = { readonly fieldKey: string; readonly sealed: Sealed; readonly valueNo: number };

export async function selectValues(tx: Tx, id: CredentialId): Promise<readonly ValueRow[]> {
  const found = await sql<ValueRow>`
    select field_key as "fieldKey", sealed, value_no as "valueNo" from credential_value
    where tenant_id = latchkey_tenant() and credential_id = ${id} order by field_key`.execute(tx);
  return found.rows;
}

/** Takes the next number of the credential; two writers cannot share one, and a cleared value's is never used again. */
export async function takeValueNo(tx: Tx, id: CredentialId): Promise<number> {
  const taken = await sql<{ no: number }>`
    update credential set last_value_no = last_value_no + 1
    where tenant_id = latchkey_tenant() and id = ${id} returning last_value_no as no`.execute(tx);
  const no = taken.rows[0]?.no;
  if (no === undefined) throw notFound('Credential');
  return no;
}

/** The unit of a template that the tenant has, or null. */
export async function selectTemplateUnit(tx: Tx, templateId: string): Promise<UnitId | null> {
  const found = await sql<{ unitId: UnitId }>`
    select unit_id as "unitId" from template where tenant_id = latchkey_tenant() and id = ${templateId}`.execute(
    tx,
  );
  return found.rows[0]?.unitId ?? null;
}

export async function upsertValue(tx: Tx, id: CredentialId, value: ValueRow): Promise<void> {
  await sql`
    insert into credential_value (tenant_id, credential_id, field_key, sealed, value_no)
    values (latchkey_tenant(), ${id}, ${value.fieldKey}, ${value.sealed}, ${value.valueNo})
    on conflict (tenant_id, credential_id, field_key) do update
      set sealed = excluded.sealed, value_no = excluded.value_no, updated_at = clock_timestamp()`.execute(tx);
}

export async function deleteValue(tx: Tx, id: CredentialId, fieldKey: string): Promise<void> {
  await sql`
    delete from credential_value
    where tenant_id = latchkey_tenant() and credential_id = ${id} and field_key = ${fieldKey}`.execute(tx);
}

export type CredentialUse = { readonly userKind: string; readonly userId: string };

export async function insertUse(tx: Tx, id: CredentialId, use: CredentialUse): Promise<void> {
  await sql`
    insert into credential_use (tenant_id, credential_id, user_kind, user_id)
    values (latchkey_tenant(), ${id}, ${use.userKind}, ${use.userId}) on conflict do nothing`.execute(tx);
}

export async function deleteUse(tx: Tx, id: CredentialId, use: CredentialUse): Promise<void> {
  await sql`
    delete from credential_use where tenant_id = latchkey_tenant() and credential_id = ${id}
      and user_kind = ${use.userKind} and user_id = ${use.userId}`.execute(tx);
}

export async function selectUses(tx: Tx, id: CredentialId): Promise<readonly CredentialUse[]> {
  const found = await sql<CredentialUse>`
    select user_kind as "userKind", user_id as "userId" from credential_use
    where tenant_id = latchkey_tenant() and credential_id = ${id} order by 1, 2`.execute(tx);
  return found.rows;
}

/** Labels are not unique. Through the tenant's door, whoever may see them: for the operator. */
export async function selectIdsByLabel(
  tx: Tx,
  label: string,
  limit: number,
): Promise<readonly CredentialId[]> {
  const found = await sql<{ id: CredentialId }>`
    select id from credential where tenant_id = latchkey_tenant() and label = ${label.replaceAll('\u0000', '')}
    order by created_at limit ${limit}`.execute(tx);
  return found.rows.map((row) => row.id);
}
