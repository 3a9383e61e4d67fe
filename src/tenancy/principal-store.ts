// SQL of principals and memberships.
import { sql } from 'kysely';
import type { PrincipalId, TenantId, UnitId } from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';
import type { PrincipalKind } from './actor.ts';
import type { UnitKind } from './permission.ts';
import type { RoleId } from './role-store.ts';

export type PrincipalRow = {
  readonly tenantId: TenantId;
  readonly id: PrincipalId;
  readonly kind: PrincipalKind;
  readonly personId: string | null;
  readonly unitId: UnitId;
  readonly sub: string | null;
  readonly externalId: string | null;
  readonly name: string;
  readonly email: string | null;
  readonly disabledAt: Date | null;
  readonly createdAt: Date;
};

export type MembershipRow = {
  readonly unitId: UnitId;
  readonly unitKind: UnitKind;
  readonly roleId: RoleId;
  readonly roleKey: string;
  readonly roleName: string;
  readonly permissions: readonly string[];
};

export async function insertPrincipal(
  tx: Tx,
  principal: Omit<PrincipalRow, 'disabledAt' | 'createdAt'>,
): Promise<void> {
  await sql`
    insert into principal (tenant_id, id, kind, person_id, unit_id, sub, external_id, name, email)
    values (${principal.tenantId}, ${principal.id}, ${principal.kind}, ${principal.personId}, ${principal.unitId},
            ${principal.sub}, ${principal.externalId}, ${principal.name}, ${principal.email})`.execute(tx);
}

const principalColumns = sql`
  p.tenant_id as "tenantId", p.id, p.kind, p.person_id as "personId", p.unit_id as "unitId", p.sub,
  p.external_id as "externalId", p.name, p.email, p.disabled_at as "disabledAt", p.created_at as "createdAt"`;

export async function selectPrincipal(tx: Tx, id: PrincipalId): Promise<PrincipalRow | null> {
  const found = await sql<PrincipalRow>`
    select ${principalColumns} from principal p where p.tenant_id = latchkey_tenant() and p.id = ${id}`.execute(
    tx,
  );
  return found.rows[0] ?? null;
}

export async function selectMemberships(tx: Tx, principalId: PrincipalId): Promise<readonly MembershipRow[]> {
  const found = await sql<MembershipRow>`
    select m.unit_id as "unitId", u.kind as "unitKind", r.id as "roleId", r.key as "roleKey", r.name as "roleName",
      array(select permission from role_permission p where p.tenant_id = r.tenant_id and p.role_id = r.id) as permissions
    from membership m
    join unit u on u.tenant_id = m.tenant_id and u.id = m.unit_id
    join role r on r.tenant_id = m.tenant_id and r.id = m.role_id
    where m.tenant_id = latchkey_tenant() and m.principal_id = ${principalId}
    order by m.created_at`.execute(tx);
  return found.rows;
}

export async function insertMembership(
  tx: Tx,
  membership: {
    readonly tenantId: TenantId;
    readonly principalId: PrincipalId;
    readonly unitId: UnitId;
    readonly roleId: RoleId;
  },
): Promise<void> {
  await sql`
    insert into membership (tenant_id, principal_id, unit_id, role_id)
    values (${membership.tenantId}, ${membership.principalId}, ${membership.unitId}, ${membership.roleId})
    on conflict do nothing`.execute(tx);
}

export async function deleteMembership(
  tx: Tx,
  membership: { readonly principalId: PrincipalId; readonly unitId: UnitId; readonly roleId: RoleId },
): Promise<boolean> {
  const deleted = await sql`
    delete from membership where tenant_id = latchkey_tenant() and principal_id = ${membership.principalId}
      and unit_id = ${membership.unitId} and role_id = ${membership.roleId}`.execute(tx);
  return (deleted.numAffectedRows ?? 0n) > 0n;
}

/** Owners of the organization who can still act; locked, so that two of them cannot remove each other at once. */
export async function lockOwners(tx: Tx): Promise<readonly PrincipalId[]> {
  const found = await sql<{ id: PrincipalId }>`
    select p.id from membership m
    join role r on r.tenant_id = m.tenant_id and r.id = m.role_id
    join principal p on p.tenant_id = m.tenant_id and p.id = m.principal_id
    where m.tenant_id = latchkey_tenant() and m.unit_id = latchkey_tenant()
      and r.unit_kind = 'organization' and r.key = 'owner' and p.disabled_at is null
    order by p.id for update of m, p`.execute(tx);
  return found.rows.map((row) => row.id);
}

export async function disablePrincipalRow(tx: Tx, id: PrincipalId): Promise<boolean> {
  const changed = await sql`
    update principal set disabled_at = clock_timestamp(), updated_at = clock_timestamp()
    where tenant_id = latchkey_tenant() and id = ${id} and disabled_at is null`.execute(tx);
  return (changed.numAffectedRows ?? 0n) > 0n;
}
