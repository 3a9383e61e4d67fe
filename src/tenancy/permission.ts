// What a principal may do, and the built-in roles. A permission held at a unit holds for everything beneath it.

export const permissions = [
  'unit.view',
  'unit.manage',
  'member.manage',
  'token.manage',
  'signing_key.manage',
  'credential.view',
  'credential.create',
  'credential.edit',
  'credential.delete',
  'credential.use',
  'credential.authorize',
  'credential.refresh',
  'credential.reveal',
  'auth_client.view',
  'auth_client.create',
  'auth_client.edit',
  'auth_client.delete',
  'component.view',
  'component.manage',
  'template.view',
  'template.manage',
  'integration.view',
  'integration.manage',
  'instance.view',
  'instance.manage',
  'instance.run',
  'execution.view',
  'audit.view',
] as const;

export type Permission = (typeof permissions)[number];

export type UnitKind = 'platform' | 'organization' | 'customer' | 'workspace';

export type BuiltinRole = {
  readonly unitKind: UnitKind;
  readonly key: string;
  readonly name: string;
  readonly description: string;
  readonly permissions: readonly Permission[];
};

const memberPermissions = [
  'unit.view',
  'unit.manage',
  'credential.view',
  'credential.create',
  'credential.edit',
  'credential.delete',
  'credential.use',
  'credential.authorize',
  'credential.refresh',
  'auth_client.view',
  'auth_client.create',
  'auth_client.edit',
  'auth_client.delete',
  'component.view',
  'component.manage',
  'template.view',
  'template.manage',
  'integration.view',
  'integration.manage',
  'instance.view',
  'instance.manage',
  'instance.run',
  'execution.view',
] as const satisfies readonly Permission[];

const customerUserPermissions = [
  'unit.view',
  'credential.view',
  'credential.use',
  'component.view',
  'integration.view',
  'instance.view',
  'execution.view',
] as const satisfies readonly Permission[];

const customerAdminPermissions = [
  ...customerUserPermissions,
  'member.manage',
  'token.manage',
  'credential.create',
  'credential.edit',
  'credential.delete',
  'credential.authorize',
  'credential.refresh',
  'auth_client.view',
  'auth_client.create',
  'auth_client.edit',
  'auth_client.delete',
  'instance.manage',
  'instance.run',
] as const satisfies readonly Permission[];

const clientPermissions = [
  'auth_client.view',
  'auth_client.create',
  'auth_client.edit',
  'auth_client.delete',
] as const satisfies readonly Permission[];

const workspacePermissions = [
  'unit.view',
  ...clientPermissions,
  'credential.view',
  'credential.create',
  'credential.edit',
  'credential.delete',
  'credential.refresh',
  'credential.reveal',
] as const satisfies readonly Permission[];

// `credential.reveal` (reading token values through an API) is nobody's by default below admin, but for those who run a
// workspace's secrets: a person's look at a token is a deliberate act, and steps get theirs through tickets. The keys of
// customers and workspaces without a prefix are those that scripts know from elsewhere.
export const builtinRoles: readonly BuiltinRole[] = [
  {
    unitKind: 'organization',
    key: 'owner',
    name: 'Owner',
    description: 'Everything, including members, signing keys and the audit trail.',
    permissions,
  },
  {
    unitKind: 'organization',
    key: 'admin',
    name: 'Admin',
    description: 'Everything but the audit trail.',
    permissions: permissions.filter((permission) => permission !== 'audit.view'),
  },
  {
    unitKind: 'organization',
    key: 'member',
    name: 'Member',
    description: 'Builds integrations and works for every customer; does not manage members or keys.',
    permissions: memberPermissions,
  },
  {
    unitKind: 'customer',
    key: 'customer_admin',
    name: 'Customer admin',
    description: 'Configures, connects and deploys for the own customer.',
    permissions: customerAdminPermissions,
  },
  {
    unitKind: 'customer',
    key: 'customer_user',
    name: 'Customer user',
    description: 'Sees what the own customer has deployed.',
    permissions: customerUserPermissions,
  },
  {
    unitKind: 'customer',
    key: 'owner',
    name: 'OAuth client owner',
    description: 'Manages the OAuth clients of the own customer, not its secrets.',
    permissions: ['unit.view', ...clientPermissions],
  },
  {
    unitKind: 'customer',
    key: 'admin',
    name: 'OAuth client admin',
    description: 'Manages the OAuth clients of the own customer, not its secrets.',
    permissions: ['unit.view', ...clientPermissions],
  },
  {
    unitKind: 'customer',
    key: 'member',
    name: 'Customer member',
    description: 'Sees that the customer is there; rights come from roles in its workspaces.',
    permissions: ['unit.view'],
  },
  {
    unitKind: 'workspace',
    key: 'owner',
    name: 'Workspace owner',
    description: 'Manages the OAuth clients and secrets of the workspace, and reads their values.',
    permissions: workspacePermissions,
  },
  {
    unitKind: 'workspace',
    key: 'admin',
    name: 'Workspace admin',
    description: 'Manages the OAuth clients and secrets of the workspace, and reads their values.',
    permissions: workspacePermissions,
  },
  {
    unitKind: 'workspace',
    key: 'integrator',
    name: 'Integrator',
    description: 'Manages the OAuth clients and secrets of the workspace, and reads their values.',
    permissions: workspacePermissions,
  },
  {
    unitKind: 'workspace',
    key: 'guest',
    name: 'Guest',
    description: 'Sees the OAuth clients and secrets of the workspace, never their values.',
    permissions: ['unit.view', 'auth_client.view', 'credential.view'],
  },
];

export function isPermission(text: string): text is Permission {
  return (permissions as readonly string[]).includes(text);
}
