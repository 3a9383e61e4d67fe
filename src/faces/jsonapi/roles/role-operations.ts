// Operations on roles and permissions, declared.
import { z } from 'zod';
import { answeredId, exampleIds, oneShown } from '../openapi/answer-schema.ts';
import type { Operation } from '../openapi/operation.ts';
import { roleScopes, rolesBody } from './role-body.ts';
import { listedPermissions } from './vendor-permission.ts';

const group = 'Roles';

const permissionsShown = z
  .strictObject({
    id: z.null(),
    type: z.literal('permissions'),
    attributes: z.strictObject({ permissions: z.array(z.string()) }),
  })
  .meta({ id: 'Permissions', description: 'The names that roles are made of.' });

const roleShown = z
  .strictObject({
    role: z.string(),
    scope: z.enum(roleScopes),
    permissions: z.array(z.string()),
    i18n: z.record(z.string(), z.string()).meta({ description: 'Names for people, by code of language.' }),
  })
  .meta({ id: 'Role' });

function policyShown(level: 'tenant' | 'contract', id: string, description: string) {
  return z
    .strictObject({
      id: answeredId,
      type: z.literal(`${level}-policy`),
      links: z.strictObject({ self: z.string() }),
      attributes: z.strictObject({ roles: z.array(roleShown) }),
    })
    .meta({ id, description });
}

const tenantPolicy = policyShown('tenant', 'TenantPolicy', 'All roles, the built-in ones included.');
const contractPolicy = policyShown(
  'contract',
  'ContractPolicy',
  'The roles that can be given in a contract.',
);

const exampleRole = {
  role: 'operator',
  scope: 'workspaces',
  permissions: [
    'workspaces.auth_secret.get',
    'workspaces.auth_secret.get_credentials',
    'workspaces.auth_secret.refresh',
  ],
  i18n: { en: 'Operator' },
};

function examplePolicy(level: 'tenant' | 'contract') {
  const id = exampleIds[level];
  const links = { self: `/v2/${level}s/${id}/roles` };
  return { data: { id, type: `${level}-policy`, links, attributes: { roles: [exampleRole] } }, meta: {} };
}

const path = { tenant: 'Id of the tenant: the own organization.' };
const tenantAnswer = { schema: oneShown(tenantPolicy), example: examplePolicy('tenant') };

const permissions: Operation = {
  id: 'listPermissions',
  group,
  summary: 'List permissions',
  about:
    'Roles may also name permissions of single levels, and of things that are not here: these grant nothing.',
  answer: {
    status: 200,
    about: 'The names.',
    schema: oneShown(permissionsShown),
    example: {
      data: { id: null, type: 'permissions', attributes: { permissions: listedPermissions } },
      meta: {},
    },
  },
};

const ofTenant: Operation = {
  id: 'readTenantRoles',
  group,
  summary: 'Read the roles of a tenant',
  path,
  answer: { status: 200, about: 'The roles.', ...tenantAnswer },
};

const replace: Operation = {
  id: 'replaceTenantRoles',
  group,
  summary: 'Replace the roles of a tenant',
  about:
    'The whole list of own roles; one that is left out goes. Built-in ones may be sent back as they were answered. Nobody gives what he does not hold.',
  path,
  body: {
    schema: rolesBody.meta({ id: 'NewTenantPolicy' }),
    example: { data: { type: 'tenant-policy', attributes: { roles: [exampleRole] } } },
  },
  answer: { status: 200, about: 'The roles as they are now.', ...tenantAnswer },
  errors: ['forbidden', 'in_use', 'frozen'],
};

const ofContract: Operation = {
  id: 'readContractRoles',
  group,
  summary: 'Read the roles of a contract',
  path: { contract: 'Id of the contract.' },
  answer: {
    status: 200,
    about: 'The roles.',
    schema: oneShown(contractPolicy),
    example: examplePolicy('contract'),
  },
};

export const roleOperations = { permissions, ofTenant, replace, ofContract } as const;
