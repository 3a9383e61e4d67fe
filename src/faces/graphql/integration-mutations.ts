// Importing an integration's file and publishing what was imported.
import { ensureTestInstance } from '../../integrations/instance.ts';
import { getIntegration, importIntegration } from '../../integrations/integration.ts';
import { publishIntegration } from '../../integrations/publish.ts';
import { integrationNode } from './integration-node.ts';
import { IntegrationRef } from './objects.ts';
import { mutation } from './payload.ts';
import { customerById } from './units.ts';

mutation('importIntegration', {
  description: 'A new integration from a YAML file, or the new draft of `integrationId`.',
  input: (t) => ({
    definition: t.string({ required: true }),
    integrationId: t.id(),
    customer: t.id({ description: 'Only for a new one: the customer that it is built for.' }),
    replace: t.boolean({ description: 'Imports always replace the draft; published versions never change.' }),
  }),
  returns: { integration: IntegrationRef },
  fieldNames: { notFound: 'integrationId', unit: 'customer' },
  run: async (input, context) => {
    const { actor, house } = context;
    const integration = await context.change(async (tx) => {
      const { integrationId, customer } = input;
      const known =
        integrationId === undefined || integrationId === null
          ? null
          : await integrationNode(tx, context, integrationId, 'integrationId');
      const forCustomer =
        customer === undefined || customer === null
          ? null
          : await customerById(tx, context, customer, 'customer');
      const imported = await importIntegration({
        tx,
        vault: house.vault,
        actor,
        source: { yaml: input.definition },
        integrationId: known?.integration.id ?? null,
        unitId: forCustomer?.id ?? null,
      });
      // Clients ask for it in the same breath, and reading must not make it.
      await ensureTestInstance({ tx, actor, integrationId: imported.id });
      return imported;
    });
    return { integration: { integration, version: null } };
  },
});

mutation('publishIntegration', {
  description: 'Makes the draft the next version, which never changes. The answer is that version.',
  input: (t) => ({
    id: t.id({ required: true }),
    comment: t.string(),
    attributes: t.string({ description: 'JSON about where it was built; not kept.' }),
  }),
  returns: { integration: IntegrationRef },
  run: async (input, context) => {
    const { actor, house } = context;
    return await context.change(async (tx) => {
      const { integration } = await integrationNode(tx, context, input.id);
      const version = await publishIntegration({
        tx,
        vault: house.vault,
        actor,
        integrationId: integration.id,
        comment: input.comment ?? '',
      });
      const published = await getIntegration({ tx, actor, id: integration.id });
      return { integration: { integration: published, version } };
    });
  },
});
