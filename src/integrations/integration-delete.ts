// Deleting an integration: never under the feet of customers who have an instance of it.
import { audit } from '../audit/event.ts';
import { Fault } from '../kernel/fault.ts';
import type { IntegrationId } from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';
import { type Actor, requirePermission } from '../tenancy/actor.ts';
import { deleteTestInstances } from './instance.ts';
import { getIntegration, type Integration } from './integration.ts';
import { countInstances, deleteIntegrationRow, lockIntegration } from './integration-store.ts';

/** Refused while customers have instances of it; its own test instances go with it. */
export async function deleteIntegration(options: {
  readonly tx: Tx;
  readonly actor: Actor;
  readonly id: IntegrationId;
}): Promise<Integration> {
  const { tx, actor, id } = options;
  const integration = await getIntegration(options);
  requirePermission(actor, 'integration.manage', integration.unitPath);
  await lockIntegration(tx, id);
  const inUse = await countInstances(tx, id);
  if (inUse > 0) {
    throw new Fault(
      'in_use',
      `${inUse} ${inUse === 1 ? 'instance' : 'instances'} of this integration exist.`,
      {
        cure: 'Delete them first.',
      },
    );
  }
  await deleteTestInstances({ tx, actor, integrationId: id });
  await deleteIntegrationRow(tx, id);
  await audit(tx, { action: 'integration.deleted', actor, object: { kind: 'integration', id } });
  return integration;
}
