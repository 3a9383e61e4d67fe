// The list of roles in a request, parsed, in the words of the house.
import { z } from 'zod';
import { invalidField } from '../../../kernel/fault.ts';
import type { Role, WantedRole } from '../../../tenancy/role.ts';
import { checkName } from '../../../tenancy/unit.ts';
import { echoed, resourceBody } from '../resource.ts';
import { type RoleAnswer, roleAnswer } from './role-answer.ts';
import { grantedBy, isVendorPermission, scopeKinds } from './vendor-permission.ts';

export const roleScopes = ['tenants', 'contracts', 'workspaces'] as const;

const maxRoles = 100;
const maxNames = 200;
const language = z.string().regex(/^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$/, 'is not the code of a language.');

const roleBody = z.strictObject({
  role: z.string().min(1).max(100),
  scope: z.enum(roleScopes),
  permissions: z.array(z.string().max(100)).max(maxNames),
  i18n: z.record(language, z.string().min(1).max(200)).optional(),
});

export const rolesBody = resourceBody(
  'tenant-policy',
  z.strictObject({ roles: z.array(roleBody).max(maxRoles) }),
  echoed,
);

export const rolesField = 'data.attributes.roles';

/** The own roles in the list; built-in ones may be sent back as they were answered, and mean nothing then. */
export function wantedRoles(
  given: readonly z.infer<typeof roleBody>[],
  present: readonly Role[],
): readonly WantedRole[] {
  const builtin = present.filter((role) => role.builtin).map(roleAnswer);
  return given.flatMap((role, index) => {
    if (builtin.some((shown) => shown !== null && isAsShown(role, shown))) return [];
    const isBuiltin = builtin.some((shown) => shown?.role === role.role && shown.scope === role.scope);
    const field = `${rolesField}.${index}`;
    // Names of lower levels would grant at the tenant itself there.
    if (role.scope === 'tenants' && !isBuiltin) {
      throw invalidField(`${field}.scope`, 'has no roles of your own.', 'Choose contracts or workspaces.');
    }
    return [wantedRole(role, field)];
  });
}

function wantedRole(role: z.infer<typeof roleBody>, field: string): WantedRole {
  role.permissions.forEach((name, index) => {
    if (isVendorPermission(name)) return;
    throw invalidField(
      `${field}.permissions.${index}`,
      'is no permission that is known here.',
      'GET /v2/permissions lists them.',
    );
  });
  const spelled = [...new Set(role.permissions)];
  return {
    unitKind: scopeKinds[role.scope],
    key: checkName(role.role, `${field}.role`),
    names: namesIn(role.i18n ?? {}, `${field}.i18n`),
    permissions: grantedBy(spelled, role.scope),
    spelled,
    field,
  };
}

function namesIn(i18n: Readonly<Record<string, string>>, field: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(i18n).map(([code, name]) => [code, checkName(name, `${field}.${code}`)]),
  );
}

function isAsShown(
  role: Pick<RoleAnswer, 'role' | 'scope' | 'permissions'> & {
    readonly i18n?: RoleAnswer['i18n'] | undefined;
  },
  shown: RoleAnswer,
): boolean {
  return (
    role.role === shown.role &&
    role.scope === shown.scope &&
    role.permissions.length === shown.permissions.length &&
    shown.permissions.every((name) => role.permissions.includes(name)) &&
    Object.entries(role.i18n ?? {}).every(([language, name]) => shown.i18n[language] === name)
  );
}
