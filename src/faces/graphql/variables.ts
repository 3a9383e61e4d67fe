// Config variables as lists: what a version asks for, and what an instance has filled in.
import { type ConfigVariable, selectConfigVariables } from '../../connections/config-variable-store.ts';
import { selectInstanceConnections } from '../../connections/connection-store.ts';
import { connectionStatus } from '../../connections/status.ts';
import type { Instance } from '../../integrations/instance.ts';
import { selectValues } from '../../integrations/instance-store.ts';
import type { Version } from '../../integrations/version.ts';
import type { IntegrationVersionId, UnitId } from '../../kernel/ids.ts';
import { can } from '../../tenancy/actor.ts';
import { versionById } from './integration-node.ts';
import type { InstanceVariableNode, RequiredVariableNode } from './objects.ts';
import type { RequestContext } from './request-context.ts';

/** Those that the actor may know of: what only the organization fills in stays with it. */
export async function requiredVariables(
  context: RequestContext,
  version: Version,
): Promise<readonly RequiredVariableNode[]> {
  const isOfOrganization = can(context.actor, 'integration.view', [context.actor.tenant as string as UnitId]);
  const variables = await variablesOf(context, version.id);
  return variables.flatMap((variable) => {
    const declared = version.definition.configVariables.find((one) => one.key === variable.key);
    const isVisible = isOfOrganization || !variable.isOrgOnly;
    return declared === undefined || !isVisible ? [] : [{ variable, declared }];
  });
}

async function variablesOf(
  context: RequestContext,
  versionId: IntegrationVersionId,
): Promise<readonly ConfigVariable[]> {
  return await context.once(`variables:${versionId}`, () =>
    context.read((tx) => selectConfigVariables(tx, versionId)),
  );
}

/** The instance's own; what users and shared variables hold is theirs. */
export async function instanceVariables(
  context: RequestContext,
  instance: Instance,
): Promise<readonly InstanceVariableNode[]> {
  const version = await versionById(context, instance.versionId);
  const required = await requiredVariables(context, version);
  const { connections, values } = await context.read(async (tx) => ({
    connections: await selectInstanceConnections(tx, instance.id),
    values: await selectValues(tx, instance.id),
  }));
  return required
    .filter(({ variable }) => variable.level === 'instance')
    .map(({ variable, declared }) => ({
      instance,
      variable,
      declared,
      connection:
        connections.find((one) => one.holder === 'instance' && one.stableKey === variable.stableKey) ?? null,
      value: values.get(variable.stableKey) ?? (declared.kind === 'value' ? declared.default : null),
    }));
}

/** Of connections only: nothing else can be right or wrong by itself. */
export function statusOf({
  declared,
  connection,
}: InstanceVariableNode): 'ACTIVE' | 'ERROR' | 'PENDING' | null {
  if (declared.kind !== 'connection') return null;
  if (connection === null) return 'PENDING';
  switch (connectionStatus(connection).status) {
    case 'pending':
      return 'PENDING';
    case 'error':
      return 'ERROR';
    case 'configured':
    case 'healthy':
      return 'ACTIVE';
  }
}

/** Clients ask with lower-case words. */
export function statusFilter(args: {
  readonly status?: string | null | undefined;
  readonly status_In?: readonly (string | null | undefined)[] | null | undefined;
}): (node: InstanceVariableNode) => boolean {
  const one = args.status?.toUpperCase() ?? null;
  const several = args.status_In?.map((status) => status?.toUpperCase()) ?? null;
  return (node) => {
    const status = statusOf(node);
    return (
      (one === null || status === one) && (several === null || (status !== null && several.includes(status)))
    );
  };
}
