// Roles as this dialect shows them: a policy of a tenant or a contract, which lists them.
import type { UnitId } from '../../../kernel/ids.ts';
import type { Role } from '../../../tenancy/role.ts';
import { namesOf, type RoleScope, scopeKinds } from './vendor-permission.ts';

export type RoleAnswer = {
  readonly role: string;
  readonly scope: RoleScope;
  readonly permissions: readonly string[];
  readonly i18n: Readonly<Record<string, string>>;
};

export function policyAnswer(
  level: 'tenant' | 'contract',
  unitId: UnitId,
  roles: readonly Role[],
): Readonly<Record<string, unknown>> {
  return {
    id: unitId,
    type: `${level}-policy`,
    links: { self: `/v2/${level}s/${unitId}/roles` },
    attributes: { roles: roles.flatMap((role) => roleAnswer(role) ?? []) },
  };
}

/** Null for roles of units that this dialect does not have. */
export function roleAnswer(role: Role): RoleAnswer | null {
  const scope = scopes.find((candidate) => scopeKinds[candidate] === role.unitKind);
  if (scope === undefined) return null;
  return {
    role: role.key,
    scope,
    permissions: role.builtin ? namesOf(role.permissions) : role.spelled,
    i18n: role.builtin ? { en: role.name } : role.names,
  };
}

const scopes = Object.keys(scopeKinds) as RoleScope[];
