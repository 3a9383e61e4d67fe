// SQL of components and their versions: the tenant's own, and those of the platform that everybody may use.
import { sql } from 'kysely';
import type { ComponentDefinition } from '../hosts/component-definition.ts';
import type { Id, TenantId, UnitId } from '../kernel/ids.ts';
import type { Page, PageRequest } from '../kernel/page.ts';
import { containsPattern } from '../storage/contains-pattern.ts';
import type { Tx } from '../storage/doors.ts';

export type ComponentId = Id<'Component'>;
export type ComponentVersionId = Id<'ComponentVersion'>;

export type ComponentVersion = {
  /** The platform's, or the tenant's own. */
  readonly tenantId: TenantId;
  readonly id: ComponentVersionId;
  readonly componentId: ComponentId;
  readonly key: string;
  readonly label: string;
  readonly description: string;
  readonly isPublic: boolean;
  readonly versionNo: number;
  /** SHA-1 of the package in lower-case hex, as component tools compute it: a name, not a proof. */
  readonly signature: string;
  readonly definition: ComponentDefinition;
  readonly createdAt: Date;
};

const columns = sql`
  v.tenant_id as "tenantId", v.id, v.component_id as "componentId", c.key, c.label, c.description,
  c.is_public as "isPublic", v.version_no as "versionNo", v.signature, v.definition, v.created_at as "createdAt"
  from component c join component_version v on v.tenant_id = c.tenant_id and v.component_id = c.id`;

export type ComponentVersionKey = {
  readonly key: string;
  readonly isPublic: boolean;
  readonly versionNo: number | null;
  readonly signature: string | null;
};

/** The newest that fits. Public ones are the platform's, others the tenant's own. */
export async function selectComponentVersion(
  tx: Tx,
  wanted: ComponentVersionKey,
): Promise<ComponentVersion | null> {
  const found = await sql<ComponentVersion>`
    select ${columns}
    where c.tenant_id = case when ${wanted.isPublic} then latchkey_platform() else latchkey_tenant() end
      and c.is_public = ${wanted.isPublic} and c.key = ${wanted.key}
      and (${wanted.versionNo}::integer is null or v.version_no = ${wanted.versionNo}::integer)
      and (${wanted.signature}::text is null or v.signature = ${wanted.signature}::text)
    order by v.version_no desc limit 1`.execute(tx);
  return found.rows[0] ?? null;
}

/** The newest version of each component, by label. */
export async function selectComponents(
  tx: Tx,
  filter: {
    readonly within: readonly UnitId[];
    /** Only those with one of these keys. */
    readonly keys: readonly string[] | null;
    readonly isPublic: boolean | null;
    readonly search: string | null;
    readonly page: PageRequest;
  },
): Promise<Page<ComponentVersion>> {
  const keys = filter.keys === null ? null : [...filter.keys];
  const pattern = containsPattern(filter.search);
  const matching = sql`
    where v.version_no = (select max(n.version_no) from component_version n
        where n.tenant_id = c.tenant_id and n.component_id = c.id)
      and (c.is_public or c.unit_id = any(${[...filter.within]}::uuid[]))
      and (${keys}::text[] is null or c.key = any(${keys}::text[]))
      and (${filter.isPublic}::boolean is null or c.is_public = ${filter.isPublic}::boolean)
      and (${pattern}::text is null or c.label ilike ${pattern}::text or c.key ilike ${pattern}::text)`;
  const counted = await sql<{ total: number }>`
    select count(*) as total from component c
      join component_version v on v.tenant_id = c.tenant_id and v.component_id = c.id ${matching}`.execute(
    tx,
  );
  const found = await sql<ComponentVersion>`
    select ${columns} ${matching} order by c.label, c.id limit ${filter.page.limit} offset ${filter.page.offset}`.execute(
    tx,
  );
  return { items: found.rows, totalCount: counted.rows[0]?.total ?? 0, offset: filter.page.offset };
}

/** Which of these packages are stored already, at the tenant itself. */
export async function selectKnownSignatures(tx: Tx, signatures: readonly string[]): Promise<Set<string>> {
  const found = await sql<{ signature: string }>`
    select distinct signature from component_version
    where tenant_id = latchkey_tenant() and signature = any(${[...signatures]}::text[])`.execute(tx);
  return new Set(found.rows.map((row) => row.signature));
}

/** Makes the component or renames it, and holds its row: two processes do not number a version twice. */
export async function upsertComponent(
  tx: Tx,
  component: {
    readonly id: ComponentId;
    readonly unitId: UnitId;
    readonly key: string;
    readonly label: string;
    readonly description: string;
    readonly isPublic: boolean;
  },
): Promise<ComponentId> {
  const stored = await sql<{ id: ComponentId }>`
    insert into component (tenant_id, id, unit_id, key, label, description, is_public)
    values (latchkey_tenant(), ${component.id}, ${component.unitId}, ${component.key}, ${component.label},
      ${component.description}, ${component.isPublic})
    on conflict (tenant_id, unit_id, key) do update set label = excluded.label, description = excluded.description,
      updated_at = clock_timestamp()
    returning id`.execute(tx);
  return stored.rows[0]?.id ?? component.id;
}

/** Under the component's row lock: the number that the new version got. */
export async function insertComponentVersion(
  tx: Tx,
  version: {
    readonly id: ComponentVersionId;
    readonly componentId: ComponentId;
    readonly signature: string;
    readonly definition: ComponentDefinition;
    readonly package: Buffer;
  },
): Promise<number> {
  const stored = await sql<{ versionNo: number }>`
    insert into component_version (tenant_id, id, component_id, version_no, signature, definition, package)
    select latchkey_tenant(), ${version.id}, ${version.componentId}, coalesce(max(v.version_no), 0) + 1,
      ${version.signature}, ${JSON.stringify(version.definition)}::jsonb, ${version.package}
    from component_version v where v.tenant_id = latchkey_tenant() and v.component_id = ${version.componentId}
    returning version_no as "versionNo"`.execute(tx);
  return stored.rows[0]?.versionNo ?? 0;
}

export async function selectPackage(
  tx: Tx,
  key: { readonly tenantId: TenantId; readonly id: ComponentVersionId },
): Promise<Buffer | null> {
  const found = await sql<{ package: Buffer }>`
    select package from component_version where tenant_id = ${key.tenantId} and id = ${key.id}`.execute(tx);
  return found.rows[0]?.package ?? null;
}
