// What an Integration id means: the integration itself, or one published version of it.

import type { Instance } from '../../integrations/instance.ts';
import { listInstances } from '../../integrations/instance.ts';
import { getIntegration, type Integration } from '../../integrations/integration.ts';
import { getVersion, type Version } from '../../integrations/version.ts';
import { isFault, notFound } from '../../kernel/fault.ts';
import type { IntegrationId, IntegrationVersionId } from '../../kernel/ids.ts';
import type { Tx } from '../../storage/doors.ts';
import { can } from '../../tenancy/actor.ts';
import { fromGlobalId } from './global-id.ts';
import type { IntegrationNode } from './objects.ts';
import type { RequestContext } from './request-context.ts';

/** not_found, naming `field`, unless it is one that the actor may see. */
export async function integrationNode(
  tx: Tx,
  context: RequestContext,
  globalId: string,
  field = 'id',
): Promise<IntegrationNode> {
  const { actor } = context;
  const id = fromGlobalId<IntegrationId>('Integration', globalId, field);
  const integration = await orNull(getIntegration({ tx, actor, id }));
  if (integration !== null) return { integration, version: null };
  const versionId = id as string as IntegrationVersionId;
  const version = await orNull(getVersion({ tx, actor, id: versionId }));
  if (version === null || version.versionNo === null) throw notFound('Integration', field);
  return { integration: await getIntegration({ tx, actor, id: version.integrationId }), version };
}

async function orNull<T>(found: Promise<T>): Promise<T | null> {
  try {
    return await found;
  } catch (error) {
    if (isFault(error, 'not_found')) return null;
    throw error;
  }
}

/** The version that a node shows of itself: the draft for those who build, the newest published one for others. */
export async function shownVersion(node: IntegrationNode, context: RequestContext): Promise<Version | null> {
  const { integration, version } = node;
  if (version !== null) return version;
  const isBuilder = can(context.actor, 'integration.view', integration.unitPath);
  const id = isBuilder ? integration.draftVersionId : (integration.latestVersion?.id ?? null);
  return id === null ? null : await versionById(context, id);
}

export async function versionById(context: RequestContext, id: IntegrationVersionId): Promise<Version> {
  return await context.once(`version:${id}`, () =>
    context.read((tx) => getVersion({ tx, actor: context.actor, id })),
  );
}

/** The instance on which the draft is tried out; null before the first import and for those who may not see it. */
export async function testInstanceOf(
  integration: Integration,
  context: RequestContext,
): Promise<Instance | null> {
  const { actor } = context;
  return await context.once(`test-instance:${integration.id}`, () =>
    context.read(async (tx) => {
      const page = { offset: 0, limit: 1 };
      const found = await listInstances({ tx, actor, integrationId: integration.id, kind: 'test', page });
      return found.items[0] ?? null;
    }),
  );
}
