// Customers: what they show, and the two ways to ask for them.
import { listCredentials } from '../../credentials/credential.ts';
import { listUnits } from '../../tenancy/unit.ts';
import { builder } from './builder.ts';
import { pageArgs, resolvePage } from './connection.ts';
import { toGlobalId } from './global-id.ts';
import { CredentialConnection, CustomerConnection, CustomerRef, OrganizationRef } from './objects.ts';
import { searchText } from './texts.ts';
import { customerById, organizationOf } from './units.ts';

CustomerRef.implement({
  fields: (t) => ({
    id: t.id({ nullable: false, resolve: (unit) => toGlobalId('Customer', unit.id) }),
    name: t.exposeString('name', { nullable: false }),
    externalId: t.exposeString('externalId', { nullable: true }),
    description: t.exposeString('description', { nullable: true }),
    labels: t.stringList({ nullable: true, resolve: (unit) => [...unit.labels] }),
    isSystem: t.boolean({ nullable: false, resolve: () => false }),
    allowEmbeddedDesigner: t.boolean({ nullable: false, resolve: () => false }),
    createdAt: t.field({ type: 'DateTime', nullable: false, resolve: (unit) => unit.createdAt }),
    updatedAt: t.field({ type: 'DateTime', nullable: false, resolve: (unit) => unit.updatedAt }),
    org: t.field({
      type: OrganizationRef,
      resolve: (_unit, _args, context) => organizationOf(context),
    }),
    credentials: t.field({
      type: CredentialConnection,
      nullable: false,
      args: { ...pageArgs(t), label_Icontains: t.arg.string() },
      resolve: (unit, args, context) =>
        context.read((tx) =>
          resolvePage(context, args, (page) =>
            listCredentials({
              tx,
              actor: context.actor,
              unitId: unit.id,
              includeBeneath: true,
              search: searchText(args.label_Icontains, 'label_Icontains'),
              page,
            }),
          ),
        ),
    }),
  }),
});

builder.queryFields((t) => ({
  customer: t.field({
    type: CustomerRef,
    args: { id: t.arg.id({ required: true }) },
    resolve: (_root, args, context) => {
      context.spend(1);
      return context.read((tx) => customerById(tx, context, args.id));
    },
  }),
  customers: t.field({
    type: CustomerConnection,
    nullable: false,
    args: {
      ...pageArgs(t),
      isSystem: t.arg.boolean(),
      name_Icontains: t.arg.string(),
      externalId: t.arg.string(),
    },
    resolve: (_root, args, context) =>
      context.read((tx) =>
        resolvePage(context, args, async (page) => {
          // There are no system customers here; clients ask for the others, always.
          if (args.isSystem === true) return { items: [], totalCount: 0, offset: page.offset };
          return await listUnits({
            tx,
            actor: context.actor,
            kind: 'customer',
            externalId: searchText(args.externalId, 'externalId'),
            search: searchText(args.name_Icontains, 'name_Icontains'),
            page,
          });
        }),
      ),
  }),
}));
