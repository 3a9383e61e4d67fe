// Authorization methods: the built-in connection types, and which fields they take.

import type { ConnectionTypeField } from '../../credentials/connection-type.ts';
import { listBuiltinTypes } from '../../credentials/connection-type.ts';
import { builder } from './builder.ts';
import { connectionOf, cut, pageArgs, resolvePage } from './connection.ts';
import { toGlobalId } from './global-id.ts';
import { AuthorizationMethodConnection, AuthorizationMethodRef } from './objects.ts';

const CredentialFieldType = builder.enumType('CredentialFieldType', {
  values: ['KEYVALUE', 'PASSWORD', 'STRING', 'TEXT'] as const,
});

const FieldRef = builder.objectRef<ConnectionTypeField>('AuthorizationMethodField').implement({
  fields: (t) => ({
    key: t.exposeString('key', { nullable: false }),
    label: t.exposeString('label', { nullable: false }),
    comments: t.exposeString('comments', { nullable: true }),
    required: t.exposeBoolean('required', { nullable: false }),
    type: t.field({ type: CredentialFieldType, nullable: false, resolve: (field) => fieldType(field) }),
  }),
});

const FieldConnection = connectionOf('AuthorizationMethodField', FieldRef);

function fieldType(field: ConnectionTypeField): 'KEYVALUE' | 'PASSWORD' | 'STRING' | 'TEXT' {
  if (field.type === 'keyvalue') return 'KEYVALUE';
  if (field.type === 'password') return 'PASSWORD';
  return field.type === 'text' || field.type === 'code' ? 'TEXT' : 'STRING';
}

AuthorizationMethodRef.implement({
  fields: (t) => ({
    id: t.id({ nullable: false, resolve: (type) => toGlobalId('AuthorizationMethod', type.id) }),
    key: t.exposeString('key', { nullable: false }),
    label: t.exposeString('label', { nullable: false }),
    fields: t.field({
      type: FieldConnection,
      nullable: false,
      args: pageArgs(t),
      resolve: (type, args, context) =>
        resolvePage(context, args, async (page) =>
          cut(
            type.fields.filter((field) => field.shown),
            page,
          ),
        ),
    }),
  }),
});

builder.queryField('authorizationMethods', (t) =>
  t.field({
    type: AuthorizationMethodConnection,
    nullable: false,
    args: pageArgs(t),
    resolve: (_root, args, context) =>
      context.read((tx) => resolvePage(context, args, (page) => listBuiltinTypes(tx, page))),
  }),
);
