// SQL of flows that run elsewhere.
import { sql } from 'kysely';
import type { CredentialId, Id, PrincipalId, TenantId, UnitId } from '../kernel/ids.ts';
import type { Page, PageRequest } from '../kernel/page.ts';
import { containsPattern } from '../storage/contains-pattern.ts';
import type { Tx } from '../storage/doors.ts';
import { type Sealed, sealedFromColumn } from '../vault/sealed.ts';

export type OutsideFlowId = Id<'OutsideFlow'>;

export type OutsideFlowRow = {
  readonly tenantId: TenantId;
  readonly id: OutsideFlowId;
  readonly unitId: UnitId;
  readonly unitPath: readonly UnitId[];
  readonly name: string;
  readonly description: string;
  /** A word of its dialect. */
  readonly kind: string;
  /** Steps and what lies between them, as its dialect writes them; sealed under its number. */
  readonly documentSealed: Sealed;
  readonly documentNo: number;
  readonly credentialIds: readonly CredentialId[];
  readonly isStarted: boolean;
  readonly startedAt: Date | null;
  readonly stoppedAt: Date | null;
  readonly createdBy: PrincipalId | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
};

const columns = sql`
  f.tenant_id as "tenantId", f.id, f.unit_id as "unitId",
  array_remove(array[u.id, u.parent_id, p.parent_id], null) as "unitPath", f.name, f.description, f.kind,
  f.document_sealed as "documentSealed", f.document_no as "documentNo",
  f.credential_ids as "credentialIds", f.is_started as "isStarted", f.started_at as "startedAt",
  f.stopped_at as "stoppedAt", f.created_by as "createdBy", f.created_at as "createdAt", f.updated_at as "updatedAt"`;

const joins = sql`
  from outside_flow f
  join unit u on u.tenant_id = f.tenant_id and u.id = f.unit_id
  left join unit p on p.tenant_id = u.tenant_id and p.id = u.parent_id`;

export async function selectOutsideFlow(tx: Tx, id: OutsideFlowId): Promise<OutsideFlowRow | null> {
  const found = await sql<StoredRow>`
    select ${columns} ${joins} where f.tenant_id = latchkey_tenant() and f.id = ${id}`.execute(tx);
  const row = found.rows[0];
  return row === undefined ? null : toRow(row);
}

/** Changing, starting, stopping and deleting take turns under this lock. */
export async function lockOutsideFlow(tx: Tx, id: OutsideFlowId): Promise<void> {
  await sql`select 1 from outside_flow where tenant_id = latchkey_tenant() and id = ${id} for update`.execute(
    tx,
  );
}

export const flowOrders = {
  created_at: sql`f.created_at`,
  updated_at: sql`f.updated_at`,
  name: sql`f.name`,
} as const;

export type OutsideFlowFilter = {
  readonly unitId: UnitId;
  readonly isStarted: boolean | null;
  readonly kind: string | null;
  readonly createdBy: PrincipalId | null;
  readonly search: string | null;
  readonly order: { readonly by: keyof typeof flowOrders; readonly isDescending: boolean };
  readonly page: PageRequest;
};

export async function selectOutsideFlows(tx: Tx, filter: OutsideFlowFilter): Promise<Page<OutsideFlowRow>> {
  const pattern = containsPattern(filter.search);
  const matching = sql`
    where f.tenant_id = latchkey_tenant() and f.unit_id = ${filter.unitId}
      and (${filter.isStarted}::boolean is null or f.is_started = ${filter.isStarted}::boolean)
      and (${filter.kind}::text is null or f.kind = ${filter.kind}::text)
      and (${filter.createdBy}::uuid is null or f.created_by = ${filter.createdBy}::uuid)
      and (${pattern}::text is null or f.name ilike ${pattern}::text or f.description ilike ${pattern}::text)`;
  const counted = await sql<{ total: number }>`select count(*) as total ${joins} ${matching}`.execute(tx);
  const direction = filter.order.isDescending ? sql`desc` : sql`asc`;
  const found = await sql<StoredRow>`
    select ${columns} ${joins} ${matching} order by ${flowOrders[filter.order.by]} ${direction}, f.id
    limit ${filter.page.limit} offset ${filter.page.offset}`.execute(tx);
  return {
    items: found.rows.map(toRow),
    totalCount: counted.rows[0]?.total ?? 0,
    offset: filter.page.offset,
  };
}

type Written = Pick<
  OutsideFlowRow,
  'name' | 'description' | 'kind' | 'documentSealed' | 'documentNo' | 'credentialIds'
>;

type StoredRow = Omit<OutsideFlowRow, 'documentSealed'> & { readonly documentSealed: Buffer };

function toRow(row: StoredRow): OutsideFlowRow {
  return { ...row, documentSealed: sealedFromColumn(row.documentSealed) };
}

export async function insertOutsideFlow(
  tx: Tx,
  flow: Written & Pick<OutsideFlowRow, 'id' | 'unitId' | 'createdBy'>,
): Promise<void> {
  await sql`
    insert into outside_flow (tenant_id, id, unit_id, name, description, kind, document_sealed, document_no, credential_ids, created_by)
    values (latchkey_tenant(), ${flow.id}, ${flow.unitId}, ${flow.name}, ${flow.description}, ${flow.kind},
      ${flow.documentSealed}, ${flow.documentNo}, ${[...flow.credentialIds]}::uuid[], ${flow.createdBy}::uuid)`.execute(
    tx,
  );
}

export async function updateOutsideFlowRow(tx: Tx, id: OutsideFlowId, change: Written): Promise<void> {
  await sql`
    update outside_flow set name = ${change.name}, description = ${change.description}, kind = ${change.kind},
      document_sealed = ${change.documentSealed}, document_no = ${change.documentNo}, credential_ids = ${[...change.credentialIds]}::uuid[],
      updated_at = clock_timestamp()
    where tenant_id = latchkey_tenant() and id = ${id}`.execute(tx);
}

export async function markStarted(tx: Tx, id: OutsideFlowId): Promise<void> {
  await sql`
    update outside_flow set is_started = true, started_at = clock_timestamp()
    where tenant_id = latchkey_tenant() and id = ${id}`.execute(tx);
}

export async function markStopped(tx: Tx, id: OutsideFlowId): Promise<void> {
  await sql`
    update outside_flow set is_started = false, stopped_at = clock_timestamp()
    where tenant_id = latchkey_tenant() and id = ${id}`.execute(tx);
}

export async function deleteOutsideFlowRow(tx: Tx, id: OutsideFlowId): Promise<void> {
  await sql`delete from outside_flow where tenant_id = latchkey_tenant() and id = ${id}`.execute(tx);
}

export async function selectStartupSealed(tx: Tx, id: OutsideFlowId): Promise<Sealed | null> {
  const found = await sql<{ sealed: Buffer | null }>`
    select startup_sealed as sealed from outside_flow where tenant_id = latchkey_tenant() and id = ${id}`.execute(
    tx,
  );
  const sealed = found.rows[0]?.sealed ?? null;
  return sealed === null ? null : sealedFromColumn(sealed);
}

export async function updateStartupSealed(tx: Tx, id: OutsideFlowId, sealed: Sealed | null): Promise<void> {
  await sql`
    update outside_flow set startup_sealed = ${sealed}
    where tenant_id = latchkey_tenant() and id = ${id}`.execute(tx);
}
