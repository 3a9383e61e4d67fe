// What a start page is about: a stored credential, or the connection of an instance that is held in one. Only the
// connection knows instance, integration and config variable, whose names go along on the redirects at the end.
import type { Subject } from '../../authorize/snapshot.ts';
import { selectConfigVariables } from '../../connections/config-variable-store.ts';
import { type ConnectionRow, selectConnection } from '../../connections/connection-store.ts';
import { getInstance } from '../../integrations/instance.ts';
import { getIntegration } from '../../integrations/integration.ts';
import { Fault } from '../../kernel/fault.ts';
import type { ConnectionId, CredentialId, InstanceId } from '../../kernel/ids.ts';
import type { Tx } from '../../storage/doors.ts';
import type { Actor } from '../../tenancy/actor.ts';
import { toGlobalId } from '../graphql/global-id.ts';

export type StartSubject = { readonly credentialId: CredentialId; readonly subject: Subject };

export async function subjectOf(
  tx: Tx,
  actor: Actor,
  id: CredentialId | ConnectionId,
): Promise<StartSubject> {
  const connection = await selectConnection(tx, id as ConnectionId);
  if (connection === null) {
    // A credential by itself belongs to no instance: of the parameters only its own id exists.
    const credentialId = id as CredentialId;
    return { credentialId, subject: { redirectParams: { id: toGlobalId('Credential', credentialId) } } };
  }
  const { credentialId, instanceId } = connection;
  if (credentialId === null) {
    throw new Fault('conflict', 'No credential is chosen for this connection.', {
      cure: 'Choose one first.',
    });
  }
  if (instanceId === null) return { credentialId, subject: { connectionId: connection.id } };
  return { credentialId, subject: await instanceSubject(tx, actor, connection, instanceId) };
}

async function instanceSubject(
  tx: Tx,
  actor: Actor,
  connection: ConnectionRow,
  instanceId: InstanceId,
): Promise<Subject> {
  const instance = await getInstance({ tx, actor, id: instanceId });
  const integration = await getIntegration({ tx, actor, id: instance.integrationId });
  const variables = await selectConfigVariables(tx, instance.versionId);
  const variable = variables.find(({ stableKey }) => stableKey === connection.stableKey) ?? null;
  const redirects = variable?.redirects ?? { success: null, failure: null };
  const hasOwn = redirects.success !== null || redirects.failure !== null;
  return {
    connectionId: connection.id,
    ...(variable === null ? {} : { label: `${variable.key} of ${instance.name}` }),
    ...(hasOwn ? { redirects } : {}),
    redirectParams: {
      instanceId: toGlobalId('Instance', instance.id),
      instanceName: instance.name,
      integrationId: toGlobalId('Integration', instance.versionId),
      integrationName: integration.name,
      ...(variable === null
        ? {}
        : {
            requiredConfigVariableId: toGlobalId('RequiredConfigVariable', variable.id),
            requiredConfigVariableKey: variable.key,
          }),
      id: toGlobalId('InstanceConfigVariable', connection.id),
    },
  };
}
