// Principals and their memberships: who may act where. Whatever takes rights away bumps the authority counter.
import { audit, systemActor } from '../audit/event.ts';
import { Fault, invalidField, notFound } from '../kernel/fault.ts';
import { newId, type PrincipalId, type TenantId, type UnitId } from '../kernel/ids.ts';
import { isForeignKeyViolation, isUniqueViolation } from '../storage/database.ts';
import type { Tx } from '../storage/doors.ts';
import { type Actor, can, type PrincipalKind, requirePermission, requireVisible } from './actor.ts';
import { bumpAuthority } from './authority-store.ts';
import type { UnitKind } from './permission.ts';
import {
  deleteMembership,
  disablePrincipalRow,
  insertMembership,
  insertPrincipal,
  lockOwners,
  type PrincipalRow,
  selectPrincipal,
} from './principal-store.ts';
import { requireRank } from './rank.ts';
import { type RoleRow, selectRoles } from './role-store.ts';
import { checkName, findUnit } from './unit.ts';

export type Principal = PrincipalRow;

/** `actor` null = the installation itself (the first owner, an operator's command). */
export async function createPrincipal(options: {
  readonly tx: Tx;
  readonly actor: Actor | null;
  readonly tenant: TenantId;
  readonly kind: PrincipalKind;
  readonly unitId: UnitId;
  readonly name: string;
  readonly email?: string | null;
  readonly personId?: string | null;
  readonly sub?: string | null;
  readonly externalId?: string | null;
}): Promise<Principal> {
  const { tx, actor, unitId } = options;
  const unit = await findUnit(tx, unitId);
  if (unit === null) throw notFound('Unit', 'unit');
  if (actor !== null) {
    requireVisible(actor, 'unit.view', unit.path, 'Unit');
    requirePermission(actor, 'member.manage', unit.path);
  }
  const id = newId<PrincipalId>();
  try {
    await insertPrincipal(tx, {
      tenantId: options.tenant,
      id,
      kind: options.kind,
      personId: options.personId ?? null,
      unitId,
      sub: options.sub ?? null,
      externalId: options.externalId ?? null,
      name: checkName(options.name),
      email: options.email ?? null,
    });
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    throw new Fault('conflict', 'This user exists here already.', {
      cure: 'Add a role to the existing user instead.',
    });
  }
  await audit(tx, {
    action: 'principal.created',
    actor: actor ?? systemActor,
    object: { kind: 'principal', id },
    fields: ['name', 'email'],
  });
  return await getPrincipal(tx, id);
}

export async function getPrincipal(tx: Tx, id: PrincipalId): Promise<Principal> {
  const principal = await selectPrincipal(tx, id);
  if (principal === null) throw notFound('User');
  return principal;
}

/** Gives a role at a unit. Nobody can give what he does not hold there himself. */
export async function addMembership(options: {
  readonly tx: Tx;
  readonly actor: Actor | null;
  readonly principalId: PrincipalId;
  readonly unitId: UnitId;
  readonly roleKey: string;
}): Promise<void> {
  const { tx, actor, principalId, unitId } = options;
  const unit = await findUnit(tx, unitId);
  if (unit === null) throw notFound('Unit', 'unit');
  const role = await roleByKey(tx, unit.kind, options.roleKey);
  if (actor !== null) {
    requireVisible(actor, 'unit.view', unit.path, 'Unit');
    requirePermission(actor, 'member.manage', unit.path);
    if (!role.permissions.every((permission) => can(actor, permission as never, unit.path))) {
      throw new Fault('forbidden', `The role ${role.name} holds more rights than you have.`, {
        field: 'role',
        cure: 'Give a smaller role, or ask somebody who holds this one.',
      });
    }
  }
  const principal = await getPrincipal(tx, principalId);
  try {
    await insertMembership(tx, { tenantId: principal.tenantId, principalId, unitId, roleId: role.id });
  } catch (error) {
    if (!isForeignKeyViolation(error)) throw error;
    throw new Fault('conflict', `The role ${role.name} was removed meanwhile.`, {
      cure: 'Choose another one.',
    });
  }
  // Remembered actors do not have the new right yet.
  await bumpAuthority(tx);
  await audit(tx, {
    action: 'membership.added',
    actor: actor ?? systemActor,
    object: { kind: 'principal', id: principalId },
    fields: [role.key],
  });
}

export async function removeMembership(options: {
  readonly tx: Tx;
  readonly actor: Actor;
  readonly principalId: PrincipalId;
  readonly unitId: UnitId;
  readonly roleKey: string;
}): Promise<void> {
  const { tx, actor, principalId, unitId } = options;
  const unit = await findUnit(tx, unitId);
  if (unit === null) throw notFound('Unit', 'unit');
  requireVisible(actor, 'unit.view', unit.path, 'Unit');
  requirePermission(actor, 'member.manage', unit.path);
  const role = await roleByKey(tx, unit.kind, options.roleKey);
  await requireRank(tx, actor, principalId, null);
  if (isOwnerRole(role)) await requireOtherOwner(tx, principalId);
  if (!(await deleteMembership(tx, { principalId, unitId, roleId: role.id }))) throw notFound('Membership');
  await bumpAuthority(tx);
  await audit(tx, {
    action: 'membership.removed',
    actor,
    object: { kind: 'principal', id: principalId },
    fields: [role.key],
  });
}

export async function disablePrincipal(options: {
  readonly tx: Tx;
  readonly actor: Actor;
  readonly id: PrincipalId;
}): Promise<void> {
  const { tx, actor, id } = options;
  const principal = await getPrincipal(tx, id);
  const unit = await findUnit(tx, principal.unitId);
  requireVisible(actor, 'unit.view', unit?.path, 'User');
  requirePermission(actor, 'member.manage', unit?.path ?? []);
  await requireRank(tx, actor, id, null);
  await requireOtherOwner(tx, id);
  await disablePrincipalRow(tx, id);
  await bumpAuthority(tx);
  await audit(tx, { action: 'principal.disabled', actor, object: { kind: 'principal', id }, fields: [] });
}

function isOwnerRole(role: Pick<RoleRow, 'unitKind' | 'key'>): boolean {
  return role.unitKind === 'organization' && role.key === 'owner';
}

/** An organization without an owner could never get one again from inside. */
async function requireOtherOwner(tx: Tx, principalId: PrincipalId): Promise<void> {
  const owners = await lockOwners(tx);
  if (!owners.includes(principalId) || owners.length > 1) return;
  throw new Fault('conflict', 'This is the last owner of the organization.', {
    cure: 'Make somebody else an owner first.',
  });
}

async function roleByKey(tx: Tx, unitKind: UnitKind, key: string): Promise<RoleRow> {
  const roles = await selectRoles(tx, unitKind);
  const role = roles.find((candidate) => candidate.key === key);
  if (role !== undefined) return role;
  throw invalidField(
    'role',
    `there is no role "${key}" at this level.`,
    `Choose one of: ${roles.map((r) => r.key).join(', ')}.`,
  );
}
