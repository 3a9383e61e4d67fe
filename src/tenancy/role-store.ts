// SQL of roles and the permissions they hold.
import { sql } from 'kysely';
import type { Id, TenantId } from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';
import type { Permission, UnitKind } from './permission.ts';

export type RoleId = Id<'Role'>;

export type RoleRow = {
  readonly id: RoleId;
  readonly unitKind: UnitKind;
  readonly key: string;
  readonly name: string;
  readonly description: string;
  readonly builtin: boolean;
  /** The name by language. */
  readonly names: Readonly<Record<string, string>>;
  /** The permissions in the words of the dialect that wrote them; rights come from `permissions` alone. */
  readonly spelled: readonly string[];
  readonly permissions: readonly string[];
};

export async function insertRole(
  tx: Tx,
  role: Omit<RoleRow, 'permissions'> & { readonly tenantId: TenantId },
): Promise<void> {
  await sql`
    insert into role (tenant_id, id, unit_kind, key, name, description, builtin, names, spelled)
    values (${role.tenantId}, ${role.id}, ${role.unitKind}, ${role.key}, ${role.name}, ${role.description}, ${role.builtin},
            ${JSON.stringify(role.names)}::jsonb, ${[...role.spelled]})`.execute(tx);
}

export async function insertRolePermissions(
  tx: Tx,
  tenantId: TenantId,
  roleId: RoleId,
  permissions: readonly Permission[],
): Promise<void> {
  await sql`
    insert into role_permission (tenant_id, role_id, permission)
    select ${tenantId}, ${roleId}, unnest(${[...permissions]}::text[])`.execute(tx);
}

/** Of one kind of unit, or all. */
export async function selectRoles(tx: Tx, unitKind: UnitKind | null): Promise<readonly RoleRow[]> {
  const found = await sql<RoleRow>`
    select r.id, r.unit_kind as "unitKind", r.key, r.name, r.description, r.builtin, r.names, r.spelled,
      array(select permission from role_permission p where p.tenant_id = r.tenant_id and p.role_id = r.id order by 1) as permissions
    from role r where r.tenant_id = latchkey_tenant() and (${unitKind}::text is null or r.unit_kind = ${unitKind}::text)
    order by r.created_at, r.name`.execute(tx);
  return found.rows;
}

/** One at a time changes roles. Memberships may be given meanwhile: this lock lets foreign keys pass. */
export async function lockRoles(tx: Tx): Promise<void> {
  await sql`
    select 1 from role where tenant_id = latchkey_tenant() order by id for no key update`.execute(tx);
}

export async function updateRoleRow(
  tx: Tx,
  role: Pick<RoleRow, 'id' | 'name' | 'names' | 'spelled'>,
): Promise<void> {
  await sql`
    update role set name = ${role.name}, names = ${JSON.stringify(role.names)}::jsonb, spelled = ${[...role.spelled]},
      updated_at = clock_timestamp()
    where tenant_id = latchkey_tenant() and id = ${role.id} and not builtin`.execute(tx);
}

export async function deleteRolePermissions(tx: Tx, roleId: RoleId): Promise<void> {
  await sql`
    delete from role_permission where tenant_id = latchkey_tenant() and role_id = ${roleId}`.execute(tx);
}

export async function deleteRoleRow(tx: Tx, roleId: RoleId): Promise<void> {
  await sql`
    delete from role where tenant_id = latchkey_tenant() and id = ${roleId} and not builtin`.execute(tx);
}

export async function countHolders(tx: Tx, roleId: RoleId): Promise<number> {
  const found = await sql<{ total: number }>`
    select count(distinct principal_id) as total from membership
    where tenant_id = latchkey_tenant() and role_id = ${roleId}`.execute(tx);
  return found.rows[0]?.total ?? 0;
}
