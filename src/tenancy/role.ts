// The roles of an organization: the built-in ones, which nobody changes, and its own, which are written as one list. A role
// never holds more than whoever writes it holds at the organization: it would otherwise be a way to give oneself anything.
import { audit } from '../audit/event.ts';
import { Fault, invalidField } from '../kernel/fault.ts';
import { newId, type UnitId } from '../kernel/ids.ts';
import { isForeignKeyViolation } from '../storage/database.ts';
import type { Tx } from '../storage/doors.ts';
import { type Actor, can, requirePermission } from './actor.ts';
import { bumpAuthority } from './authority-store.ts';
import { looksLike, mixesAlphabets } from './look-alike.ts';
import { isPermission, type Permission, type UnitKind } from './permission.ts';
import {
  countHolders,
  deleteRolePermissions,
  deleteRoleRow,
  insertRole,
  insertRolePermissions,
  lockRoles,
  type RoleId,
  type RoleRow,
  selectRoles,
  updateRoleRow,
} from './role-store.ts';
import { checkName } from './unit.ts';

export type Role = RoleRow;

export type WantedRole = {
  readonly unitKind: UnitKind;
  readonly key: string;
  readonly names: Readonly<Record<string, string>>;
  readonly permissions: readonly Permission[];
  /** As the caller's dialect spells them. */
  readonly spelled: readonly string[];
  /** Where it stands in the caller's input. */
  readonly field: string;
};

/** Null = of all kinds of units. */
export async function listRoles(tx: Tx, unitKind: UnitKind | null): Promise<readonly Role[]> {
  return await selectRoles(tx, unitKind);
}

/** The organization's own roles are these from now on. `field` is where the list stands in the caller's input. */
export async function replaceRoles(options: {
  readonly tx: Tx;
  readonly actor: Actor;
  readonly wanted: readonly WantedRole[];
  readonly field: string;
}): Promise<void> {
  const { tx, actor, wanted } = options;
  requirePermission(actor, 'member.manage', organizationOf(actor));
  refuseTwins(wanted);
  await lockRoles(tx);
  const present = await selectRoles(tx, null);
  let isChanged = false;
  for (const role of present.filter((candidate) => !candidate.builtin)) {
    if (wanted.some((other) => isSame(role, other))) continue;
    await removeRole(tx, actor, role, options.field);
    isChanged = true;
  }
  for (const role of wanted) {
    const before = present.find((candidate) => isSame(candidate, role));
    if (before !== undefined && isEqual(before, role)) continue;
    if (before === undefined) refuseLookAlike(role, present);
    await writeRole(tx, actor, role, before ?? null);
    isChanged = true;
  }
  if (isChanged) await bumpAuthority(tx);
}

async function writeRole(tx: Tx, actor: Actor, role: WantedRole, before: Role | null): Promise<void> {
  if (before?.builtin === true) {
    throw new Fault('frozen', `The role ${role.key} is built in and cannot be changed.`, {
      field: role.field,
      cure: 'Leave it as it is, and make another role.',
    });
  }
  requireHeld(actor, [...role.permissions, ...(before?.permissions ?? []).filter(isPermission)], role);
  const id = before?.id ?? newId<RoleId>();
  const name = checkName(role.names.en ?? role.key, role.field);
  if (before === null) {
    const { unitKind, key, names, spelled } = role;
    const row = { id, unitKind, key, name, names, spelled, description: '', builtin: false };
    await insertRole(tx, { ...row, tenantId: actor.tenant });
  } else {
    await updateRoleRow(tx, { id, name, names: role.names, spelled: role.spelled });
    await deleteRolePermissions(tx, id);
  }
  await insertRolePermissions(tx, actor.tenant, id, role.permissions);
  await audit(tx, {
    action: before === null ? 'role.created' : 'role.updated',
    actor,
    object: { kind: 'role', id },
    fields: role.permissions,
  });
}

async function removeRole(tx: Tx, actor: Actor, role: Role, field: string): Promise<void> {
  requireHeld(actor, role.permissions.filter(isPermission), { key: role.key, field });
  const holders = await countHolders(tx, role.id);
  if (holders > 0) throw stillHeld(role, field, `${holders} ${holders === 1 ? 'member' : 'members'}`);
  try {
    await deleteRoleRow(tx, role.id);
  } catch (error) {
    // Given to somebody between the count and here.
    if (isForeignKeyViolation(error)) throw stillHeld(role, field, 'a member');
    throw error;
  }
  await audit(tx, {
    action: 'role.deleted',
    actor,
    object: { kind: 'role', id: role.id },
    fields: [role.key],
  });
}

function stillHeld(role: Role, field: string, by: string): Fault {
  return new Fault('in_use', `The role ${role.key} is still held by ${by}.`, {
    field,
    cure: 'Keep it in the list, or take it from them first.',
  });
}

/** Also what a role held before: taking rights from others needs the same rank as giving them. */
function requireHeld(
  actor: Actor,
  permissions: readonly Permission[],
  role: { readonly key: string; readonly field: string },
): void {
  if (permissions.every((permission) => can(actor, permission, organizationOf(actor)))) return;
  throw new Fault('forbidden', `The role ${role.key} holds more rights than you have.`, {
    field: role.field,
    cure: 'Ask somebody who holds them, such as an owner.',
  });
}

function organizationOf(actor: Actor): readonly UnitId[] {
  return [actor.tenant as string as UnitId];
}

/** Among the roles of all kinds of units: lists show them without. */
function refuseLookAlike({ key, field }: WantedRole, present: readonly Role[]): void {
  const alike = present.find((role) => role.builtin && looksLike(key, role.key));
  if (alike === undefined && !mixesAlphabets(key)) return;
  const problem =
    alike === undefined
      ? 'mixes letters of alphabets that look alike'
      : `looks like the built-in role ${alike.key}`;
  throw invalidField(field, `has a name that ${problem}.`, 'Choose another name.');
}

type Named = { readonly unitKind: UnitKind; readonly key: string };

function isSame(role: Named, other: Named): boolean {
  return role.unitKind === other.unitKind && role.key === other.key;
}

function refuseTwins(wanted: readonly WantedRole[]): void {
  for (const [index, role] of wanted.entries()) {
    if (wanted.findIndex((other) => isSame(role, other)) === index) continue;
    throw invalidField(role.field, 'stands in the list twice.', 'Give each role once.');
  }
}

function isEqual(role: Role, wanted: WantedRole): boolean {
  const permissions = new Set<string>(role.permissions);
  return (
    permissions.size === wanted.permissions.length &&
    wanted.permissions.every((permission) => permissions.has(permission)) &&
    JSON.stringify(role.spelled) === JSON.stringify(wanted.spelled) &&
    Object.keys(role.names).length === Object.keys(wanted.names).length &&
    Object.entries(wanted.names).every(([language, name]) => role.names[language] === name)
  );
}
