// The organization: the tenant itself.
import { listCredentials } from '../../credentials/credential.ts';
import { builder } from './builder.ts';
import { pageArgs, resolvePage } from './connection.ts';
import { toGlobalId } from './global-id.ts';
import { CredentialConnection, OrganizationRef } from './objects.ts';
import { searchText } from './texts.ts';
import { organizationOf } from './units.ts';

OrganizationRef.implement({
  fields: (t) => ({
    id: t.id({ nullable: false, resolve: (unit) => toGlobalId('Organization', unit.id) }),
    name: t.exposeString('name', { nullable: false }),
    credentials: t.field({
      type: CredentialConnection,
      nullable: false,
      description: 'The organization’s own, without those of its customers.',
      args: { ...pageArgs(t), label_Icontains: t.arg.string() },
      resolve: (unit, args, context) =>
        context.read((tx) =>
          resolvePage(context, args, (page) =>
            listCredentials({
              tx,
              actor: context.actor,
              unitId: unit.id,
              search: searchText(args.label_Icontains, 'label_Icontains'),
              page,
            }),
          ),
        ),
    }),
  }),
});

builder.queryField('organization', (t) =>
  t.field({
    type: OrganizationRef,
    resolve: (_root, _args, context) => organizationOf(context),
  }),
);
