// Making, changing and deleting customers.
import { deleteUnitWithCredentials } from '../../credentials/delete-unit.ts';
import { createCustomer, updateUnit } from '../../tenancy/unit.ts';
import { CustomerRef } from './objects.ts';
import { mutation } from './payload.ts';
import { descriptionText, labelTexts } from './texts.ts';
import { customerById } from './units.ts';

mutation('createCustomer', {
  description: 'Makes a customer of the organization.',
  input: (t) => ({
    name: t.string({ required: true }),
    description: t.string(),
    externalId: t.string(),
    labels: t.field({ type: ['String'], required: { list: false, items: false } }),
  }),
  returns: { customer: CustomerRef },
  run: async (input, { actor, change }) => ({
    customer: await change((tx) =>
      createCustomer({
        tx,
        actor,
        name: input.name,
        description: descriptionText(input.description),
        externalId: input.externalId ?? null,
        labels: labelTexts(input.labels),
      }),
    ),
  }),
});

mutation('updateCustomer', {
  description: 'Changes what is given and leaves the rest.',
  input: (t) => ({
    id: t.id({ required: true }),
    name: t.string(),
    description: t.string(),
    externalId: t.string(),
    labels: t.field({ type: ['String'], required: { list: false, items: false } }),
  }),
  returns: { customer: CustomerRef },
  run: async (input, context) => ({
    customer: await context.change(async (tx) => {
      const { id } = await customerById(tx, context, input.id);
      const { name, description, externalId, labels } = input;
      return await updateUnit({
        tx,
        actor: context.actor,
        id,
        change: {
          ...(name === undefined || name === null ? {} : { name }),
          ...(description === undefined ? {} : { description: descriptionText(description) }),
          ...(externalId === undefined ? {} : { externalId }),
          ...(labels === undefined ? {} : { labels: labelTexts(labels) }),
        },
      });
    }),
  }),
});

mutation('deleteCustomer', {
  description: 'Deletes a customer with everything that belongs to it.',
  input: (t) => ({ id: t.id({ required: true }) }),
  returns: { customer: CustomerRef },
  run: async (input, context) => ({
    customer: await context.change(async (tx) => {
      const { id } = await customerById(tx, context, input.id);
      return await deleteUnitWithCredentials({ tx, vault: context.house.vault, actor: context.actor, id });
    }),
  }),
});
