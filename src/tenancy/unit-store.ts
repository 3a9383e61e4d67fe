// SQL of units: platform > organization > customer > workspace.
import { sql } from 'kysely';
import type { TenantId, UnitId } from '../kernel/ids.ts';
import type { Page, PageRequest } from '../kernel/page.ts';
import { containsPattern } from '../storage/contains-pattern.ts';
import type { Tx } from '../storage/doors.ts';
import type { UnitKind } from './permission.ts';

export type UnitRow = {
  readonly tenantId: TenantId;
  readonly id: UnitId;
  readonly kind: UnitKind;
  readonly parentId: UnitId | null;
  readonly externalId: string | null;
  readonly name: string;
  readonly description: string;
  readonly labels: readonly string[];
  readonly concurrentExecutionLimit: number | null;
  readonly redirectOrigins: readonly string[];
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** The unit itself, then its ancestors up to the organization. */
  readonly path: readonly UnitId[];
};

// The tree is at most four deep, so the path is two look-ups by primary key, no recursion.
const columns = sql`
  u.tenant_id as "tenantId", u.id, u.kind, u.parent_id as "parentId", u.external_id as "externalId", u.name,
  u.description, u.labels, u.concurrent_execution_limit as "concurrentExecutionLimit",
  u.redirect_origins as "redirectOrigins", u.created_at as "createdAt", u.updated_at as "updatedAt",
  array_remove(array[u.id, u.parent_id,
    (select parent.parent_id from unit parent where parent.tenant_id = u.tenant_id and parent.id = u.parent_id)],
    null)::text[] as path`;

export async function insertTenant(tx: Tx, tenantId: TenantId): Promise<void> {
  await sql`insert into tenant (id, kind) values (${tenantId}, 'organization')`.execute(tx);
}

export type NewUnit = {
  readonly tenantId: TenantId;
  readonly id: UnitId;
  readonly kind: UnitKind;
  readonly parentId: UnitId | null;
  readonly externalId: string | null;
  readonly name: string;
  readonly description: string;
  readonly labels: readonly string[];
};

export async function insertUnit(tx: Tx, unit: NewUnit): Promise<void> {
  await sql`
    insert into unit (tenant_id, id, kind, parent_id, external_id, name, description, labels)
    values (${unit.tenantId}, ${unit.id}, ${unit.kind}, ${unit.parentId}, ${unit.externalId}, ${unit.name},
            ${unit.description}, ${[...unit.labels]})`.execute(tx);
}

export async function selectUnit(tx: Tx, id: UnitId): Promise<UnitRow | null> {
  const found =
    await sql<UnitRow>`select ${columns} from unit u where u.tenant_id = latchkey_tenant() and u.id = ${id}`.execute(
      tx,
    );
  return found.rows[0] ?? null;
}

export async function selectUnits(
  tx: Tx,
  filter: {
    readonly kind: UnitKind;
    readonly within: readonly UnitId[];
    readonly parentId: UnitId | null;
    readonly externalId: string | null;
    readonly search: string | null;
    readonly page: PageRequest;
  },
): Promise<Page<UnitRow>> {
  const pattern = containsPattern(filter.search);
  const matching = sql`
    from unit u
    where u.tenant_id = latchkey_tenant() and u.kind = ${filter.kind}
      and (u.id = any(${[...filter.within]}::uuid[]) or u.parent_id = any(${[...filter.within]}::uuid[])
        or exists (select 1 from unit parent where parent.tenant_id = u.tenant_id and parent.id = u.parent_id
                     and parent.parent_id = any(${[...filter.within]}::uuid[])))
      and (${filter.parentId}::uuid is null or u.parent_id = ${filter.parentId}::uuid)
      and (${filter.externalId}::text is null or u.external_id = ${filter.externalId}::text)
      and (${pattern}::text is null or u.name ilike ${pattern}::text)`;
  const counted = await sql<{ total: number }>`select count(*) as total ${matching}`.execute(tx);
  const found = await sql<UnitRow>`
    select ${columns} ${matching} order by u.name, u.id limit ${filter.page.limit} offset ${filter.page.offset}`.execute(
    tx,
  );
  return { items: found.rows, totalCount: counted.rows[0]?.total ?? 0, offset: filter.page.offset };
}

export type UnitChange = {
  readonly name?: string;
  readonly description?: string;
  readonly externalId?: string | null;
  readonly labels?: readonly string[];
  readonly concurrentExecutionLimit?: number | null;
  readonly redirectOrigins?: readonly string[];
};

export async function updateUnitRow(tx: Tx, id: UnitId, change: UnitChange): Promise<void> {
  const set = [
    sql`updated_at = clock_timestamp()`,
    ...(change.name === undefined ? [] : [sql`name = ${change.name}`]),
    ...(change.description === undefined ? [] : [sql`description = ${change.description}`]),
    ...(change.externalId === undefined ? [] : [sql`external_id = ${change.externalId}`]),
    ...(change.labels === undefined ? [] : [sql`labels = ${[...change.labels]}`]),
    ...(change.concurrentExecutionLimit === undefined
      ? []
      : [sql`concurrent_execution_limit = ${change.concurrentExecutionLimit}`]),
    ...(change.redirectOrigins === undefined ? [] : [sql`redirect_origins = ${[...change.redirectOrigins]}`]),
  ];
  await sql`update unit set ${sql.join(set)} where tenant_id = latchkey_tenant() and id = ${id}`.execute(tx);
}

/** True while a credential of the unit, or of one beneath it, holds tokens. */
export async function hasConnectedAccounts(tx: Tx, id: UnitId): Promise<boolean> {
  const found = await sql<{ connected: boolean }>`
    select exists (
      select 1 from oauth_grant g
      join credential c on c.tenant_id = g.tenant_id and c.id = g.credential_id
      join unit u on u.tenant_id = c.tenant_id and u.id = c.unit_id
      where g.tenant_id = latchkey_tenant() and g.ct is not null and (u.id = ${id} or u.parent_id = ${id})) as connected`.execute(
    tx,
  );
  return found.rows[0]?.connected ?? false;
}

export async function deleteUnitRow(tx: Tx, id: UnitId): Promise<void> {
  await sql`delete from unit where tenant_id = latchkey_tenant() and id = ${id}`.execute(tx);
}

/** Of all organizations, through the locator's door. */
export async function listTenantIds(tx: Tx): Promise<readonly TenantId[]> {
  const found = await sql<{ id: TenantId }>`
    select id from tenant where kind = 'organization' order by created_at, id`.execute(tx);
  return found.rows.map(({ id }) => id);
}
