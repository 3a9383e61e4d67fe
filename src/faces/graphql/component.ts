// Components that integrations can be built from: the installation's and the organization's own.
import { listComponents } from '../../integrations/component.ts';
import { invalidField } from '../../kernel/fault.ts';
import { builder } from './builder.ts';
import { pageArgs, resolvePage } from './connection.ts';
import { toGlobalId } from './global-id.ts';
import { ComponentConnection, ComponentRef, CustomerRef } from './objects.ts';
import { searchText } from './texts.ts';

ComponentRef.implement({
  fields: (t) => ({
    id: t.id({ nullable: false, resolve: ({ componentId }) => toGlobalId('Component', componentId) }),
    key: t.exposeString('key', { nullable: false }),
    label: t.exposeString('label', { nullable: false }),
    description: t.exposeString('description', { nullable: true }),
    public: t.exposeBoolean('isPublic', { nullable: false }),
    signature: t.exposeString('signature', { nullable: true }),
    versionNumber: t.exposeInt('versionNo', { nullable: false }),
    versionCreatedAt: t.field({ type: 'DateTime', nullable: false, resolve: ({ createdAt }) => createdAt }),
    category: t.string({ resolve: ({ definition }) => definition.display.category ?? null }),
    customer: t.field({ type: CustomerRef, resolve: () => null }),
  }),
});

const maxKeys = 100;

builder.queryField('components', (t) =>
  t.field({
    type: ComponentConnection,
    nullable: false,
    description: 'The newest version of each.',
    args: {
      ...pageArgs(t),
      key: t.arg.string(),
      key_In: t.arg({ type: ['String'], required: { list: false, items: false } }),
      label_Icontains: t.arg.string(),
      public: t.arg.boolean(),
      allVersions: t.arg.boolean(),
      filterQuery: t.arg({ type: 'JSONString' }),
    },
    resolve: (_root, args, context) => {
      for (const field of ['allVersions', 'filterQuery'] as const) {
        if (args[field] === null || args[field] === undefined || args[field] === false) continue;
        throw invalidField(
          field,
          'is not offered on this list.',
          'Use key, key_In, public or label_Icontains.',
        );
      }
      const keys = keysOf(args.key, args.key_In);
      const search = searchText(args.label_Icontains, 'label_Icontains');
      const filter = { actor: context.actor, keys, isPublic: args.public ?? null, search };
      return context.read((tx) =>
        resolvePage(context, args, (page) => listComponents({ ...filter, tx, page })),
      );
    },
  }),
);

function keysOf(
  key: string | null | undefined,
  several: readonly (string | null | undefined)[] | null | undefined,
): readonly string[] | null {
  const listed = several?.filter((one) => typeof one === 'string') ?? null;
  if ((listed?.length ?? 0) > maxKeys)
    throw invalidField('key_In', `are more than ${maxKeys}.`, 'Ask for fewer.');
  if (key === null || key === undefined) return listed;
  return listed === null || listed.includes(key) ? [key] : [];
}
