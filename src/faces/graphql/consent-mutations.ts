// Asking somebody to connect an account, and disconnecting it.
import { selectConnection } from '../../connections/connection-store.ts';
import { type Credential, getCredential } from '../../credentials/credential.ts';
import { disconnectGrant } from '../../credentials/disconnect.ts';
import { getInstance } from '../../integrations/instance.ts';
import { Fault, isFault, notFound } from '../../kernel/fault.ts';
import type { ConnectionId, CredentialId, InstanceId } from '../../kernel/ids.ts';
import type { Tx } from '../../storage/doors.ts';
import { credentialById } from './credential.ts';
import { parseGlobalId } from './global-id.ts';
import { CredentialRef, InstanceConfigVariableRef, type InstanceVariableNode } from './objects.ts';
import { mutation } from './payload.ts';
import type { RequestContext } from './request-context.ts';
import { instanceVariables } from './variables.ts';

mutation('requestOAuth2CredentialAuthorization', {
  description: 'Asks somebody by mail to connect the account. The link leaves by mail only.',
  input: (t) => ({
    id: t.id({ required: true }),
    email: t.string({ required: true }),
    message: t.string(),
  }),
  returns: { credential: CredentialRef },
  run: async (input, context) => ({
    credential: await context.change(async (tx) => {
      const { id } = await credentialById(tx, context, input.id);
      await context.house.authorize.inviteWithin(tx, {
        actor: context.actor,
        credentialId: id,
        email: input.email,
        message: input.message ?? null,
      });
      return await credentialById(tx, context, input.id);
    }),
  }),
});

mutation('disconnectConnection', {
  description: 'Deletes the tokens, stops refreshing, and has them revoked at the provider.',
  input: (t) => ({
    id: t.id({
      required: true,
      description: 'A connection of an instance (config variable), or a credential.',
    }),
  }),
  returns: { credential: CredentialRef, instanceConfigVariable: InstanceConfigVariableRef },
  run: async (input, context) => {
    const { credential, place } = await context.change(async (tx) => {
      const found = await connectionById(tx, context, input.id);
      const { actor, house } = context;
      const credentialId = found.credential.id;
      return { ...found, credential: await disconnectGrant({ tx, vault: house.vault, actor, credentialId }) };
    });
    return { credential, instanceConfigVariable: place === null ? null : await variableAt(context, place) };
  },
});

type Place = { readonly connectionId: ConnectionId; readonly instanceId: InstanceId };

/** Whatever the id is wrong about, the answer is the same. */
async function connectionById(
  tx: Tx,
  context: RequestContext,
  globalId: string,
): Promise<{ readonly credential: Credential; readonly place: Place | null }> {
  const { actor } = context;
  const named = parseGlobalId(globalId);
  try {
    if (named?.type === 'Credential') {
      const credential = await getCredential({ tx, actor, id: named.id as CredentialId });
      return { credential, place: null };
    }
    if (named?.type === 'InstanceConfigVariable') {
      const connectionId = named.id as ConnectionId;
      const connection = await selectConnection(tx, connectionId);
      if (connection?.instanceId) {
        const { id: instanceId } = await getInstance({ tx, actor, id: connection.instanceId });
        if (connection.credentialId === null) throw nothingChosen();
        const credential = await getCredential({ tx, actor, id: connection.credentialId });
        return { credential, place: { connectionId, instanceId } };
      }
    }
  } catch (error) {
    if (!isFault(error, 'not_found')) throw error;
  }
  throw notFound('Connection', 'id');
}

function nothingChosen(): Fault {
  return new Fault('conflict', 'No credential is chosen for this connection.', {
    cure: 'There is nothing to disconnect.',
  });
}

async function variableAt(context: RequestContext, place: Place): Promise<InstanceVariableNode | null> {
  const { actor } = context;
  const instance = await context.read((tx) => getInstance({ tx, actor, id: place.instanceId }));
  const variables = await instanceVariables(context, instance);
  return variables.find(({ connection }) => connection?.id === place.connectionId) ?? null;
}
