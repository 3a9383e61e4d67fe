// An organization comes into being: tenant, unit, key, built-in roles, in one transaction of that tenant.
import { audit, systemActor } from '../audit/event.ts';
import { notFound } from '../kernel/fault.ts';
import { newId, type TenantId, type UnitId } from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';
import type { Vault } from '../vault/vault.ts';
import { builtinRoles } from './permission.ts';
import { insertRole, insertRolePermissions, type RoleId } from './role-store.ts';
import { checkName, type Unit } from './unit.ts';
import { insertTenant, insertUnit, selectUnit } from './unit-store.ts';

/** `tx` must be a transaction of the new tenant: `doors.withTenant(newTenantId, ...)`. */
export async function createOrganization(options: {
  readonly tx: Tx;
  readonly vault: Vault;
  readonly tenant: TenantId;
  readonly name: string;
}): Promise<Unit> {
  const { tx, tenant } = options;
  const id = tenant as string as UnitId;
  await insertTenant(tx, tenant);
  await insertUnit(tx, {
    tenantId: tenant,
    id,
    kind: 'organization',
    parentId: null,
    externalId: null,
    name: checkName(options.name),
    description: '',
    labels: [],
  });
  await options.vault.createTenantKey(tx, tenant);
  for (const role of builtinRoles) {
    const roleId = newId<RoleId>();
    await insertRole(tx, {
      tenantId: tenant,
      id: roleId,
      unitKind: role.unitKind,
      key: role.key,
      name: role.name,
      description: role.description,
      builtin: true,
      names: {},
      spelled: [],
    });
    await insertRolePermissions(tx, tenant, roleId, role.permissions);
  }
  await audit(tx, {
    action: 'unit.created',
    actor: systemActor,
    object: { kind: 'organization', id },
    fields: ['name'],
  });
  const unit = await selectUnit(tx, id);
  if (unit === null) throw notFound('Organization');
  return unit;
}
