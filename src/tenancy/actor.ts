// Who acts, with the rights that his, her or its memberships give, and the two questions asked of them.
import { Fault, notFound } from '../kernel/fault.ts';
import type { PrincipalId, TenantId, UnitId } from '../kernel/ids.ts';
import type { Permission, UnitKind } from './permission.ts';

export type PrincipalKind = 'person' | 'embedded' | 'service' | 'step' | 'operator';

export type ActorMembership = {
  readonly unitId: UnitId;
  readonly unitKind: UnitKind;
  readonly roleKey: string;
  readonly permissions: ReadonlySet<Permission>;
};

export type Actor = {
  readonly tenant: TenantId;
  readonly principalId: PrincipalId;
  readonly kind: PrincipalKind;
  readonly name: string;
  readonly email: string | null;
  /** The unit the principal belongs to. */
  readonly unitId: UnitId;
  readonly unitKind: UnitKind;
  readonly memberships: readonly ActorMembership[];
  readonly personId: string | null;
  /** Set when the actor came with an API token. */
  readonly apiTokenId: string | null;
  /** Set when the actor came with a browser session. */
  readonly sessionId: string | null;
};

/** `unitPath` is the unit and its ancestors up to the organization: a membership at any of them counts. */
export function can(actor: Actor, permission: Permission, unitPath: readonly UnitId[]): boolean {
  return actor.memberships.some(
    (membership) => membership.permissions.has(permission) && unitPath.includes(membership.unitId),
  );
}

/** Absent and invisible are the same answer, so that ids cannot be probed. */
export function requireVisible(
  actor: Actor,
  permission: Permission,
  unitPath: readonly UnitId[] | null | undefined,
  what: string,
): asserts unitPath is readonly UnitId[] {
  if (unitPath === null || unitPath === undefined || !can(actor, permission, unitPath)) throw notFound(what);
}

export function requirePermission(actor: Actor, permission: Permission, unitPath: readonly UnitId[]): void {
  if (can(actor, permission, unitPath)) return;
  throw new Fault('forbidden', `You do not have the permission ${permission} here.`, {
    cure: 'Ask an owner or admin of the organization for a role that includes it.',
  });
}

/** The units at which the actor holds a permission; lists are limited to these and what is beneath them. */
export function unitsWith(actor: Actor, permission: Permission): readonly UnitId[] {
  return [
    ...new Set(
      actor.memberships
        .filter((membership) => membership.permissions.has(permission))
        .map((membership) => membership.unitId),
    ),
  ];
}
