// SQL of connection types: the built-in ones of the platform and those that components declare.
import { sql } from 'kysely';
import type { Id, TenantId } from '../kernel/ids.ts';
import type { Page, PageRequest } from '../kernel/page.ts';
import type { Tx } from '../storage/doors.ts';

export type ConnectionTypeId = Id<'ConnectionType'>;
export type OAuthKind = 'authorization_code' | 'client_credentials';

export type ConnectionTypeField = {
  readonly key: string;
  readonly label: string;
  readonly type: 'string' | 'text' | 'password' | 'number' | 'boolean' | 'code' | 'keyvalue' | 'template';
  readonly secret: boolean;
  readonly required: boolean;
  /** False: never offered to people; the default is used unless a value is set through an API. */
  readonly shown: boolean;
  readonly defaultValue: string | null;
  readonly comments: string;
};

export type ConnectionType = {
  readonly tenantId: TenantId;
  readonly id: ConnectionTypeId;
  readonly componentVersionId: string | null;
  readonly key: string;
  readonly label: string;
  readonly comments: string;
  readonly oauthKind: OAuthKind | null;
  readonly pkce: 'S256' | 'plain' | 'off' | null;
  /** What the component says about its token requests (grant type override, callback parameters to pass on). */
  readonly oauthOptions: Readonly<Record<string, unknown>>;
  readonly fields: readonly ConnectionTypeField[];
};

const columns = sql`
  t.tenant_id as "tenantId", t.id, t.component_version_id as "componentVersionId", t.key, t.label, t.comments,
  t.oauth_kind as "oauthKind", t.pkce, t.oauth_options as "oauthOptions",
  coalesce((
    select json_agg(json_build_object('key', f.key, 'label', f.label, 'type', f.type, 'secret', f.secret,
      'required', f.required, 'shown', f.shown, 'defaultValue', f.default_value, 'comments', f.comments) order by f.position)
    from connection_type_field f where f.tenant_id = t.tenant_id and f.connection_type_id = t.id), '[]') as fields`;

export async function selectConnectionType(
  tx: Tx,
  key: { readonly tenantId: TenantId; readonly id: ConnectionTypeId },
): Promise<ConnectionType | null> {
  const found = await sql<ConnectionType>`
    select ${columns} from connection_type t where t.tenant_id = ${key.tenantId} and t.id = ${key.id}`.execute(
    tx,
  );
  return found.rows[0] ?? null;
}

/** By id alone: the tenant's own, or the platform's. */
export async function selectConnectionTypeById(tx: Tx, id: ConnectionTypeId): Promise<ConnectionType | null> {
  const found = await sql<ConnectionType>`
    select ${columns} from connection_type t
    where t.tenant_id in (latchkey_tenant(), latchkey_platform()) and t.id = ${id}`.execute(tx);
  return found.rows[0] ?? null;
}

export async function selectBuiltinType(tx: Tx, key: string): Promise<ConnectionType | null> {
  const found = await sql<ConnectionType>`
    select ${columns} from connection_type t
    where t.tenant_id = latchkey_platform() and t.component_version_id is null and t.key = ${key}`.execute(
    tx,
  );
  return found.rows[0] ?? null;
}

export async function selectBuiltinTypes(tx: Tx, page: PageRequest): Promise<Page<ConnectionType>> {
  const counted = await sql<{ total: number }>`
    select count(*) as total from connection_type t
    where t.tenant_id = latchkey_platform() and t.component_version_id is null`.execute(tx);
  const found = await sql<ConnectionType>`
    select ${columns} from connection_type t
    where t.tenant_id = latchkey_platform() and t.component_version_id is null
    order by t.position, t.key limit ${page.limit} offset ${page.offset}`.execute(tx);
  return { items: found.rows, totalCount: counted.rows[0]?.total ?? 0, offset: page.offset };
}

export async function selectTypesOfComponentVersion(
  tx: Tx,
  key: { readonly tenantId: TenantId; readonly componentVersionId: string },
): Promise<readonly ConnectionType[]> {
  const found = await sql<ConnectionType>`
    select ${columns} from connection_type t
    where t.tenant_id = ${key.tenantId} and t.component_version_id = ${key.componentVersionId}
    order by t.position, t.key`.execute(tx);
  return found.rows;
}

export async function insertConnectionType(tx: Tx, type: ConnectionType, position: number): Promise<void> {
  await sql`
    insert into connection_type (tenant_id, id, component_version_id, key, label, comments, oauth_kind, pkce, oauth_options, position)
    values (${type.tenantId}, ${type.id}, ${type.componentVersionId}, ${type.key}, ${type.label}, ${type.comments},
            ${type.oauthKind}, ${type.pkce}, ${JSON.stringify(type.oauthOptions)}::jsonb, ${position})`.execute(
    tx,
  );
}

export async function insertConnectionTypeField(
  tx: Tx,
  type: ConnectionType,
  field: ConnectionTypeField,
  position: number,
): Promise<void> {
  await sql`
    insert into connection_type_field
      (tenant_id, connection_type_id, key, label, type, secret, required, shown, default_value, comments, position)
    values (${type.tenantId}, ${type.id}, ${field.key}, ${field.label}, ${field.type}, ${field.secret}, ${field.required},
            ${field.shown}, ${field.defaultValue}, ${field.comments}, ${position})`.execute(tx);
}
