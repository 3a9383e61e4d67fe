// Mutations answer `{<object>, errors [{field messages}], clientMutationId}`: a caller's mistake is data in the payload,
// never an error of the whole request.
import type { FieldMap, InputFieldMap, InputShapeFromFields } from '@pothos/core';
import { type Fault, isFault } from '../../kernel/fault.ts';
import { builder, type InputPen } from './builder.ts';
import type { NodeRef } from './connection.ts';
import type { RequestContext } from './request-context.ts';

type PayloadError = { readonly field: string; readonly messages: readonly string[] };

type Payload = {
  /** Null when there are errors. */
  readonly objects: Readonly<Record<string, unknown>> | null;
  readonly errors: readonly PayloadError[];
  readonly clientMutationId: string | null;
};

const ErrorType = builder.objectRef<PayloadError>('ErrorType').implement({
  description: 'What is wrong with an input. The field is "__all__" when it is not one field alone.',
  fields: (t) => ({
    field: t.exposeString('field', { nullable: false }),
    messages: t.stringList({ nullable: false, resolve: (error) => [...error.messages] }),
  }),
});

type MutationOptions<Fields extends InputFieldMap, Objects extends Record<string, unknown>> = {
  readonly description: string;
  readonly input: (t: InputPen) => Fields;
  /** The payload's fields. */
  readonly returns: { readonly [Key in keyof Objects]: NodeRef<Objects[Key]> };
  /** How the rooms' field names are called here. */
  readonly fieldNames?: Readonly<Record<string, string>>;
  readonly run: (
    input: InputShapeFromFields<Fields>,
    context: RequestContext,
  ) => Promise<{ readonly [Key in keyof NoInfer<Objects>]: NoInfer<Objects>[Key] | null }>;
};

/** Declares one mutation with its input and payload types. */
export function mutation<Fields extends InputFieldMap, Objects extends Record<string, unknown>>(
  name: string,
  options: MutationOptions<Fields, Objects>,
): void {
  const typeName = `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
  const input = builder.inputType(`${typeName}Input`, {
    fields: (t): InputFieldMap => ({ ...options.input(t), clientMutationId: t.string() }),
  });
  const payload = definePayload(`${typeName}Payload`, options.returns);
  builder.mutationField(name, (t) =>
    t.field({
      type: payload,
      description: options.description,
      args: { input: t.arg({ type: input, required: true }) },
      resolve: async (_root, args, context): Promise<Payload> => {
        const given = args.input as InputShapeFromFields<Fields> & { clientMutationId?: string | null };
        const clientMutationId = given.clientMutationId ?? null;
        try {
          context.spend(1);
          return { objects: await options.run(given, context), errors: [], clientMutationId };
        } catch (error) {
          if (!isFault(error) || error.status >= 500) throw error;
          const errors = [toPayloadError(error, options.fieldNames ?? {})];
          return { objects: null, errors, clientMutationId };
        }
      },
    }),
  );
}

function definePayload(name: string, returns: Readonly<Record<string, NodeRef<unknown>>>) {
  return builder.objectRef<Payload>(name).implement({
    fields: (t): FieldMap => ({
      ...Object.fromEntries(
        Object.entries(returns).map(([key, type]) => [
          key,
          t.field({ type, nullable: true, resolve: (parent) => parent.objects?.[key] ?? null }),
        ]),
      ),
      errors: t.field({ type: [ErrorType], nullable: false, resolve: (parent) => parent.errors }),
      clientMutationId: t.exposeString('clientMutationId', { nullable: true }),
    }),
  });
}

/** Field names arrive as the rooms spell them (`values.api_key`, `unit`); the first part may be called otherwise here. */
function toPayloadError(fault: Fault, fieldNames: Readonly<Record<string, string>>): PayloadError {
  return { field: fieldOf(fault, fieldNames), messages: [fault.public] };
}

function fieldOf(fault: Fault, fieldNames: Readonly<Record<string, string>>): string {
  if (fault.field === null) return fault.code === 'not_found' ? (fieldNames.notFound ?? 'id') : '__all__';
  const [first = '', ...rest] = fault.field.split('.');
  const name =
    fieldNames[first] ?? first.replace(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase());
  return [name, ...rest].join('.');
}
