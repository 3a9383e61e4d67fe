// SQL of integration versions: the draft (no number) and what was published from it, which never changes again.
import { sql } from 'kysely';
import type { IntegrationId, IntegrationVersionId, PrincipalId, TenantId } from '../kernel/ids.ts';
import type { Page, PageRequest } from '../kernel/page.ts';
import type { Tx } from '../storage/doors.ts';
import type { Definition } from './definition.ts';

export type Version = {
  readonly tenantId: TenantId;
  readonly id: IntegrationVersionId;
  readonly integrationId: IntegrationId;
  /** Null = the draft. */
  readonly versionNo: number | null;
  readonly definition: Definition;
  readonly comment: string;
  /** False: existing instances go on, new ones are not made. */
  readonly isAvailable: boolean;
  readonly publishedAt: Date | null;
  readonly publishedBy: PrincipalId | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
};

const columns = sql`
  v.tenant_id as "tenantId", v.id, v.integration_id as "integrationId", v.version_no as "versionNo", v.definition,
  v.comment, v.is_available as "isAvailable", v.published_at as "publishedAt", v.published_by as "publishedBy",
  v.created_at as "createdAt", v.updated_at as "updatedAt" from integration_version v`;

export async function selectVersion(tx: Tx, id: IntegrationVersionId): Promise<Version | null> {
  const found = await sql<Version>`
    select ${columns} where v.tenant_id = latchkey_tenant() and v.id = ${id}`.execute(tx);
  return found.rows[0] ?? null;
}

/** Published ones, the newest first. */
export async function selectPublishedVersions(
  tx: Tx,
  integrationId: IntegrationId,
  filter: { readonly isAvailable: boolean | null; readonly page: PageRequest },
): Promise<Page<Version>> {
  const { page, isAvailable } = filter;
  const matching = sql`
    where v.tenant_id = latchkey_tenant() and v.integration_id = ${integrationId} and v.version_no is not null
      and (${isAvailable}::boolean is null or v.is_available = ${isAvailable}::boolean)`;
  const counted = await sql<{ total: number }>`
    select count(*) as total from integration_version v ${matching}`.execute(tx);
  const found = await sql<Version>`
    select ${columns} ${matching} order by v.version_no desc limit ${page.limit} offset ${page.offset}`.execute(
    tx,
  );
  return { items: found.rows, totalCount: counted.rows[0]?.total ?? 0, offset: page.offset };
}

export async function insertDraft(
  tx: Tx,
  draft: Pick<Version, 'id' | 'integrationId' | 'definition'> & { readonly source: string },
): Promise<void> {
  await sql`
    insert into integration_version (tenant_id, id, integration_id, definition, source)
    values (latchkey_tenant(), ${draft.id}, ${draft.integrationId}, ${JSON.stringify(draft.definition)}::jsonb,
      ${draft.source})`.execute(tx);
}

/** Its config variables go with what they belonged to; test instances keep referring to the row. */
export async function replaceDraft(
  tx: Tx,
  draft: Pick<Version, 'id' | 'definition'> & { readonly source: string },
): Promise<void> {
  await sql`
    update integration_version set definition = ${JSON.stringify(draft.definition)}::jsonb, source = ${draft.source},
      updated_at = clock_timestamp()
    where tenant_id = latchkey_tenant() and id = ${draft.id} and version_no is null`.execute(tx);
}

export async function deleteConfigVariables(tx: Tx, versionId: IntegrationVersionId): Promise<void> {
  await sql`
    delete from config_variable where tenant_id = latchkey_tenant() and integration_version_id = ${versionId}`.execute(
    tx,
  );
}

/** Under the integration's row lock: the number that it got. */
export async function insertPublished(
  tx: Tx,
  version: Pick<Version, 'id' | 'integrationId' | 'definition' | 'comment' | 'publishedBy'> & {
    readonly source: string;
  },
): Promise<number> {
  const stored = await sql<{ versionNo: number }>`
    insert into integration_version (tenant_id, id, integration_id, version_no, definition, source, comment, published_at,
      published_by)
    select latchkey_tenant(), ${version.id}, ${version.integrationId}, coalesce(max(v.version_no), 0) + 1,
      ${JSON.stringify(version.definition)}::jsonb, ${version.source}, ${version.comment}, clock_timestamp(),
      ${version.publishedBy}::uuid
    from integration_version v where v.tenant_id = latchkey_tenant() and v.integration_id = ${version.integrationId}
    returning version_no as "versionNo"`.execute(tx);
  return stored.rows[0]?.versionNo ?? 0;
}

/** Id and connection type of a variable that is held once for many instances. */
export async function selectSharedVariable(
  tx: Tx,
  stableKey: string,
): Promise<{ readonly id: string; readonly typeTenantId: TenantId; readonly typeId: string } | null> {
  const found = await sql<{ id: string; typeTenantId: TenantId; typeId: string }>`
    select id, connection_type_tenant_id as "typeTenantId", connection_type_id as "typeId" from shared_variable
    where tenant_id = latchkey_tenant() and stable_key = ${stableKey}`.execute(tx);
  return found.rows[0] ?? null;
}
