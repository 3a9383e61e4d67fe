// The permissions of this dialect, by name, and what each grants here.
import type { Permission, UnitKind } from '../../../tenancy/permission.ts';

/** From the top: a name of a level grants nothing to a role that stands beneath it. */
const levels = ['global', 'tenants', 'contracts', 'workspaces'] as const;
type NameLevel = (typeof levels)[number];

const clientPermissions = {
  get: 'auth_client.view',
  create: 'auth_client.create',
  edit: 'auth_client.edit',
  delete: 'auth_client.delete',
} as const satisfies Readonly<Record<string, Permission>>;

const secretPermissions = {
  get: 'credential.view',
  // Reading values through an API is this permission's whole meaning (decision 0037).
  get_credentials: 'credential.reveal',
  create: 'credential.create',
  edit: 'credential.edit',
  delete: 'credential.delete',
  refresh: 'credential.refresh',
} as const satisfies Readonly<Record<string, Permission>>;

/** Names that older or other things have there, for rights that are here. */
const otherPermissions = {
  'workspaces.credential.edit': 'credential.edit',
  'workspaces.flow.edit': 'instance.manage',
  'workspaces.flow.toggleStatus': 'instance.run',
} as const satisfies Readonly<Record<string, Permission>>;

type Meaning = { readonly permission: Permission; readonly level: NameLevel };

const meanings: ReadonlyMap<string, Meaning> = new Map<string, Meaning>([
  ...levels.flatMap((level) =>
    Object.entries(clientPermissions).map(
      ([verb, permission]) => [`${level}.auth_clients.${verb}`, { permission, level }] as const,
    ),
  ),
  ...Object.entries(secretPermissions).map(
    ([verb, permission]) => [`workspaces.auth_secret.${verb}`, { permission, level: 'workspaces' }] as const,
  ),
  ...Object.entries(clientPermissions).map(
    ([verb, permission]) => [`tenants.oauth_clients.${verb}`, { permission, level: 'tenants' }] as const,
  ),
  ...Object.entries(otherPermissions).map(
    ([name, permission]) => [name, { permission, level: 'workspaces' }] as const,
  ),
]);

/** As the vendor lists them: of the auth clients only the global ones, which replaced those of single levels. */
export const listedPermissions: readonly string[] = [
  ...Object.keys(clientPermissions).map((verb) => `global.auth_clients.${verb}`),
  ...Object.keys(secretPermissions).map((verb) => `workspaces.auth_secret.${verb}`),
];

export const scopeKinds = {
  tenants: 'organization',
  contracts: 'customer',
  workspaces: 'workspace',
} as const satisfies Readonly<Record<string, UnitKind>>;
export type RoleScope = keyof typeof scopeKinds;

export function isVendorPermission(name: string): boolean {
  return meanings.has(name);
}

/**
 * What a role of that scope may do that holds these names. "Global" means wherever the membership stands; any other level
 * must not lie above it, so that only who stands at the tenant makes a client of the tenant. Whoever belongs to a unit
 * sees that it is there.
 */
export function grantedBy(names: readonly string[], scope: RoleScope): readonly Permission[] {
  const granted = new Set<Permission>(['unit.view']);
  for (const name of names) {
    const meaning = meanings.get(name);
    if (meaning === undefined) continue;
    const isAbove = meaning.level !== 'global' && levels.indexOf(meaning.level) < levels.indexOf(scope);
    if (!isAbove) granted.add(meaning.permission);
  }
  return [...granted];
}

/** The listed names of what a role may do that was not written in this dialect. */
export function namesOf(permissions: readonly string[]): readonly string[] {
  return listedPermissions.filter((name) => {
    const permission = meanings.get(name)?.permission;
    return permission !== undefined && permissions.includes(permission);
  });
}
