// SQL of authority: the counter that every revoking transaction raises, and one statement that loads an actor.
import { sql } from 'kysely';
import type { PrincipalId, TenantId, UnitId } from '../kernel/ids.ts';
import type { Doors, Tx } from '../storage/doors.ts';
import type { PrincipalKind } from './actor.ts';
import type { UnitKind } from './permission.ts';

/** To be called by every transaction that changes rights: caches everywhere fall within 3 s. */
export async function bumpAuthority(tx: Tx): Promise<void> {
  await sql`update authority set no = no + 1`.execute(tx);
}

export async function selectAuthorityNo(doors: Doors): Promise<number | null> {
  const [rows] = await doors.read(null, [
    { name: 'select_authority_no', text: 'select no from authority', values: [] },
  ]);
  const no = rows?.[0]?.[0] ?? null;
  return no === null ? null : Number(no);
}

export type ActorRow = {
  readonly principalId: PrincipalId;
  readonly kind: PrincipalKind;
  readonly name: string;
  readonly email: string | null;
  readonly personId: string | null;
  readonly unitId: UnitId;
  readonly unitKind: UnitKind;
  readonly disabledAt: Date | null;
  readonly memberships: readonly {
    readonly unitId: UnitId;
    readonly unitKind: UnitKind;
    readonly roleKey: string;
    readonly permissions: readonly string[];
  }[];
};

export async function selectActor(tx: Tx, principalId: PrincipalId): Promise<ActorRow | null> {
  const found = await sql<ActorRow>`
    select p.id as "principalId", p.kind, p.name, p.email, p.person_id as "personId", p.unit_id as "unitId",
      home.kind as "unitKind", p.disabled_at as "disabledAt",
      coalesce((
        select json_agg(json_build_object('unitId', m.unit_id, 'unitKind', u.kind, 'roleKey', r.key, 'permissions',
          (select coalesce(json_agg(rp.permission), '[]') from role_permission rp where rp.tenant_id = r.tenant_id and rp.role_id = r.id)))
        from membership m
        join unit u on u.tenant_id = m.tenant_id and u.id = m.unit_id
        join role r on r.tenant_id = m.tenant_id and r.id = m.role_id
        where m.tenant_id = p.tenant_id and m.principal_id = p.id), '[]') as memberships
    from principal p
    join unit home on home.tenant_id = p.tenant_id and home.id = p.unit_id
    where p.tenant_id = latchkey_tenant() and p.id = ${principalId}`.execute(tx);
  return found.rows[0] ?? null;
}

export type ApiTokenRow = {
  readonly id: string;
  readonly principalId: PrincipalId;
  readonly scopes: readonly string[] | null;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
};

/** `hash` in hexadecimal digits, as `hashApiToken` makes it. */
export async function selectApiTokenByHash(tx: Tx, hash: string): Promise<ApiTokenRow | null> {
  const found = await sql<ApiTokenRow>`
    select id, principal_id as "principalId", scopes, expires_at as "expiresAt", revoked_at as "revokedAt"
    from api_token where tenant_id = latchkey_tenant() and hash = decode(${hash}, 'hex')`.execute(tx);
  return found.rows[0] ?? null;
}

export type NewApiToken = {
  readonly tenantId: TenantId;
  readonly id: string;
  readonly hash: string;
  readonly principalId: PrincipalId;
  readonly name: string;
  readonly tail: string;
  readonly scopes: readonly string[] | null;
  readonly expiresAt: Date | null;
  readonly createdBy: PrincipalId | null;
};

export async function insertApiToken(tx: Tx, token: NewApiToken): Promise<void> {
  await sql`
    insert into api_token (tenant_id, id, hash, principal_id, name, tail, scopes, expires_at, created_by)
    values (${token.tenantId}, ${token.id}, decode(${token.hash}, 'hex'), ${token.principalId}, ${token.name}, ${token.tail},
            ${token.scopes === null ? null : [...token.scopes]}, ${token.expiresAt}, ${token.createdBy})`.execute(
    tx,
  );
}

export async function selectApiToken(tx: Tx, id: string): Promise<ApiTokenRow | null> {
  const found = await sql<ApiTokenRow>`
    select id, principal_id as "principalId", scopes, expires_at as "expiresAt", revoked_at as "revokedAt"
    from api_token where tenant_id = latchkey_tenant() and id = ${id}`.execute(tx);
  return found.rows[0] ?? null;
}

/** False when it was revoked before. */
export async function revokeApiTokenRow(tx: Tx, id: string): Promise<boolean> {
  const changed = await sql`
    update api_token set revoked_at = clock_timestamp()
    where tenant_id = latchkey_tenant() and id = ${id} and revoked_at is null`.execute(tx);
  return changed.numAffectedRows === 1n;
}
