// Making, changing, deleting, connecting and disconnecting credentials.
import { getUsableType } from '../../credentials/connection-type.ts';
import { createCredential } from '../../credentials/create-credential.ts';
import { deleteCredential } from '../../credentials/delete-credential.ts';
import { updateCredential } from '../../credentials/update-credential.ts';
import { invalidField } from '../../kernel/fault.ts';
import type { Id, UnitId } from '../../kernel/ids.ts';
import { Plain } from '../../kernel/plain.ts';
import type { Tx } from '../../storage/doors.ts';
import { builder, type InputPen } from './builder.ts';
import { credentialById } from './credential.ts';
import { byGlobalId } from './global-id.ts';
import { CredentialRef } from './objects.ts';
import { mutation } from './payload.ts';
import type { RequestContext } from './request-context.ts';
import { customerById } from './units.ts';

const InputFieldValue = builder.inputType('InputCredentialFieldValue', {
  fields: (t) => ({ key: t.string({ required: true }), value: t.string() }),
});

type FieldValue = { readonly key: string; readonly value?: string | null | undefined };

type GivenValues = readonly (FieldValue | null | undefined)[] | null | undefined;

const maxValues = 100;
const fieldNames = { unit: 'customer', connectionType: 'authorizationMethod' };

const newCredential = (t: InputPen) => ({
  label: t.string({ required: true }),
  authorizationMethod: t.id({ required: true }),
  values: t.field({ type: [InputFieldValue], required: { list: false, items: false } }),
});

mutation('createOrganizationCredential', {
  description: 'Makes a credential of the organization. Its values can be replaced later and never be read.',
  input: newCredential,
  returns: { credential: CredentialRef },
  fieldNames,
  run: async (input, context) => ({
    credential: await context.change((tx) =>
      create(tx, context, { ...input, unitId: context.actor.tenant as string as UnitId }),
    ),
  }),
});

mutation('createCustomerCredential', {
  description: 'Makes a credential of a customer. Its values can be replaced later and never be read.',
  input: (t) => ({ customer: t.id({ required: true }), ...newCredential(t) }),
  returns: { credential: CredentialRef },
  fieldNames,
  run: async (input, context) => ({
    credential: await context.change(async (tx) => {
      const customer = await customerById(tx, context, input.customer, 'customer');
      return await create(tx, context, { ...input, unitId: customer.id });
    }),
  }),
});

async function create(
  tx: Tx,
  context: RequestContext,
  input: {
    readonly unitId: UnitId;
    readonly label: string;
    readonly authorizationMethod: string;
    readonly values?: GivenValues;
  },
) {
  const of = {
    type: 'AuthorizationMethod',
    id: input.authorizationMethod,
    field: 'authorizationMethod',
  } as const;
  const type = await byGlobalId(of, (id: Id<'ConnectionType'>) => getUsableType(tx, id));
  return await createCredential({
    tx,
    vault: context.house.vault,
    actor: context.actor,
    unitId: input.unitId,
    label: input.label,
    type,
    values: toValues(input.values),
  });
}

mutation('updateCredential', {
  description: 'Changes the label and the given values; values that are not given stay as they are.',
  input: (t) => ({
    id: t.id({ required: true }),
    label: t.string(),
    values: t.field({ type: [InputFieldValue], required: { list: false, items: false } }),
  }),
  returns: { credential: CredentialRef },
  fieldNames,
  run: async (input, context) => ({
    credential: await context.change(async (tx) => {
      const { id } = await credentialById(tx, context, input.id);
      return await updateCredential({
        tx,
        vault: context.house.vault,
        actor: context.actor,
        id,
        ...(input.label === undefined || input.label === null ? {} : { label: input.label }),
        values: toValues(input.values),
      });
    }),
  }),
});

mutation('deleteCredential', {
  description: 'Deletes a credential. Its exact label must come along, typed by whoever decides.',
  input: (t) => ({
    id: t.id({ required: true }),
    name: t.string({ description: 'The exact label. `label` says the same.' }),
    label: t.string(),
  }),
  returns: { credential: CredentialRef },
  run: async (input, context) => ({
    credential: await context.change(async (tx) => {
      const { id } = await credentialById(tx, context, input.id);
      const typedName = input.name ?? input.label ?? null;
      if (typedName === null) {
        throw invalidField(
          'name',
          'is required to delete a credential.',
          'Give its exact label as "name" (or "label").',
        );
      }
      const { actor, house } = context;
      return await deleteCredential({ tx, vault: house.vault, actor, id, typedName });
    }),
  }),
});

function toValues(given: GivenValues): ReadonlyMap<string, Plain> {
  const values = new Map<string, Plain>();
  if ((given?.length ?? 0) > maxValues) throw invalidField('values', `are more than ${maxValues}.`);
  for (const { key, value } of (given ?? []).filter((item) => item !== null && item !== undefined)) {
    if (values.has(key)) throw invalidField(`values.${key.slice(0, 60)}`, 'is given twice.', 'Give it once.');
    values.set(key, Plain.fromText(value ?? ''));
  }
  return values;
}
