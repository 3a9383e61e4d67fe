// Who asks, and people beside.

import type { UnitId } from '../../kernel/ids.ts';
import { selectMemberships } from '../../tenancy/principal-store.ts';
import { builder } from './builder.ts';
import { toGlobalId } from './global-id.ts';
import { AuthenticatedUserRef, CustomerRef, OrganizationRef, UserRef } from './objects.ts';
import { customerOf, organizationOf } from './units.ts';

type RoleShown = { readonly id: string; readonly name: string; readonly key: string };

const RoleRef = builder.objectRef<RoleShown>('Role').implement({
  fields: (t) => ({
    id: t.id({ nullable: false, resolve: (role) => toGlobalId('Role', role.id) }),
    name: t.exposeString('name', { nullable: false }),
    key: t.exposeString('key', { nullable: false }),
  }),
});

AuthenticatedUserRef.implement({
  fields: (t) => ({
    id: t.id({ nullable: false, resolve: (actor) => toGlobalId('User', actor.principalId) }),
    name: t.exposeString('name', { nullable: false }),
    /** Clients of this dialect take it for granted; service principals have none. */
    email: t.string({ nullable: false, resolve: (actor) => actor.email ?? '' }),
    tenantId: t.id({ nullable: false, resolve: (actor) => actor.tenant }),
    org: t.field({
      type: OrganizationRef,
      resolve: (_actor, _args, context) => organizationOf(context),
    }),
    customer: t.field({
      type: CustomerRef,
      description: 'Null for users of the organization.',
      resolve: (actor, _args, context) => customerOfActor(actor.unitId, context),
    }),
    role: t.field({
      type: RoleRef,
      resolve: (actor, _args, context) =>
        context.read(async (tx) => {
          const memberships = await selectMemberships(tx, actor.principalId);
          const first = memberships.find((one) => one.unitId === actor.unitId) ?? memberships[0];
          return first === undefined ? null : { id: first.roleId, name: first.roleName, key: first.roleKey };
        }),
    }),
  }),
});

UserRef.implement({
  fields: (t) => ({
    id: t.id({ nullable: false, resolve: ({ id }) => toGlobalId('User', id) }),
    name: t.exposeString('name', { nullable: false }),
    email: t.string({ nullable: false, resolve: ({ email }) => email ?? '' }),
  }),
});

async function customerOfActor(unitId: UnitId, context: Parameters<typeof organizationOf>[0]) {
  const path = await context.house.authority.unitPath(context.actor.tenant, unitId);
  return await customerOf(context, path ?? []);
}

builder.queryField('authenticatedUser', (t) =>
  t.field({
    type: AuthenticatedUserRef,
    nullable: false,
    resolve: (_root, _args, context) => {
      context.spend(1);
      return context.actor;
    },
  }),
);
