// SQL of integrations; their versions have a store of their own.
import { sql } from 'kysely';
import type { IntegrationId, IntegrationVersionId, TenantId, UnitId } from '../kernel/ids.ts';
import type { Page, PageRequest } from '../kernel/page.ts';
import { containsPattern } from '../storage/contains-pattern.ts';
import type { Tx } from '../storage/doors.ts';

export type Integration = {
  readonly tenantId: TenantId;
  readonly id: IntegrationId;
  /** The organization, or the one customer that it was built for. */
  readonly unitId: UnitId;
  readonly unitPath: readonly UnitId[];
  readonly name: string;
  readonly description: string;
  /** What imports replace and publishing copies. */
  readonly draftVersionId: IntegrationVersionId;
  /** Null before the first publication. */
  readonly latestVersion: { readonly id: IntegrationVersionId; readonly versionNo: number } | null;
  /** Instances at customers; test instances are not counted. */
  readonly instanceCount: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
};

// Integrations stand at an organization or at a customer directly beneath it.
const columns = sql`
  i.tenant_id as "tenantId", i.id, i.unit_id as "unitId", array_remove(array[u.id, u.parent_id], null) as "unitPath",
  i.name, i.description,
  (select v.id from integration_version v
    where v.tenant_id = i.tenant_id and v.integration_id = i.id and v.version_no is null) as "draftVersionId",
  (select json_build_object('id', v.id, 'versionNo', v.version_no) from integration_version v
    where v.tenant_id = i.tenant_id and v.integration_id = i.id and v.version_no is not null
    order by v.version_no desc limit 1) as "latestVersion",
  (select count(*) from instance n
    where n.tenant_id = i.tenant_id and n.integration_id = i.id and n.kind = 'deployed') as "instanceCount",
  i.created_at as "createdAt", i.updated_at as "updatedAt"
  from integration i join unit u on u.tenant_id = i.tenant_id and u.id = i.unit_id`;

export async function insertIntegration(
  tx: Tx,
  integration: Pick<Integration, 'id' | 'unitId' | 'name' | 'description'>,
): Promise<void> {
  await sql`
    insert into integration (tenant_id, id, unit_id, name, description)
    values (latchkey_tenant(), ${integration.id}, ${integration.unitId}, ${integration.name}, ${integration.description})`.execute(
    tx,
  );
}

/** Importing and publishing take turns under this lock. */
export async function lockIntegration(tx: Tx, id: IntegrationId): Promise<void> {
  await sql`select 1 from integration where tenant_id = latchkey_tenant() and id = ${id} for update`.execute(
    tx,
  );
}

export async function updateIntegrationTexts(
  tx: Tx,
  integration: Pick<Integration, 'id' | 'name' | 'description'>,
): Promise<void> {
  await sql`
    update integration set name = ${integration.name}, description = ${integration.description},
      updated_at = clock_timestamp()
    where tenant_id = latchkey_tenant() and id = ${integration.id}`.execute(tx);
}

export async function selectIntegration(tx: Tx, id: IntegrationId): Promise<Integration | null> {
  const found = await sql<Integration>`
    select ${columns} where i.tenant_id = latchkey_tenant() and i.id = ${id}`.execute(tx);
  return found.rows[0] ?? null;
}

export async function selectIntegrations(
  tx: Tx,
  filter: {
    readonly within: readonly UnitId[];
    /** Only those of this unit. */
    readonly unitId: UnitId | null;
    /** Only those of exactly this name. */
    readonly name: string | null;
    readonly search: string | null;
    readonly page: PageRequest;
  },
): Promise<Page<Integration>> {
  const pattern = containsPattern(filter.search);
  const within = sql`${[...filter.within]}::uuid[]`;
  // What the organization has published is offered to its customers as well; drafts are not.
  const matching = sql`
    where i.tenant_id = latchkey_tenant()
      and (u.id = any(${within}) or u.parent_id = any(${within})
        or (u.parent_id is null and cardinality(${within}) > 0 and exists (select 1 from integration_version v
          where v.tenant_id = i.tenant_id and v.integration_id = i.id and v.version_no is not null)))
      and (${filter.unitId}::uuid is null or i.unit_id = ${filter.unitId}::uuid)
      and (${filter.name}::text is null or i.name = ${filter.name}::text)
      and (${pattern}::text is null or i.name ilike ${pattern}::text)`;
  const counted = await sql<{ total: number }>`
    select count(*) as total from integration i join unit u on u.tenant_id = i.tenant_id and u.id = i.unit_id ${matching}`.execute(
    tx,
  );
  const found = await sql<Integration>`
    select ${columns} ${matching} order by i.name, i.id limit ${filter.page.limit} offset ${filter.page.offset}`.execute(
    tx,
  );
  return { items: found.rows, totalCount: counted.rows[0]?.total ?? 0, offset: filter.page.offset };
}

/** How many instances of any kind but the integration's own test instance refer to it. */
export async function countInstances(tx: Tx, id: IntegrationId): Promise<number> {
  const found = await sql<{ total: number }>`
    select count(*) as total from instance
    where tenant_id = latchkey_tenant() and integration_id = ${id} and kind = 'deployed'`.execute(tx);
  return found.rows[0]?.total ?? 0;
}

export async function deleteIntegrationRow(tx: Tx, id: IntegrationId): Promise<void> {
  await sql`delete from integration where tenant_id = latchkey_tenant() and id = ${id}`.execute(tx);
}
