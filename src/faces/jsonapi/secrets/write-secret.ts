// Makes, changes and deletes secrets: one transaction each, through the rooms below.
import { type AuthClient, getAuthClient } from '../../../credentials/auth-client.ts';
import { getBuiltinType } from '../../../credentials/connection-type.ts';
import { createCredential } from '../../../credentials/create-credential.ts';
import { deleteCredential } from '../../../credentials/delete-credential.ts';
import { setTokens } from '../../../credentials/set-tokens.ts';
import { updateCredential } from '../../../credentials/update-credential.ts';
import { invalidField, isFault, notFound } from '../../../kernel/fault.ts';
import type { AuthClientId, CredentialId } from '../../../kernel/ids.ts';
import { platformTenantId } from '../../../kernel/ids.ts';
import type { Reading } from '../../../refresh/reading.ts';
import type { Tx } from '../../../storage/doors.ts';
import type { Actor } from '../../../tenancy/actor.ts';
import { checkName } from '../../../tenancy/unit.ts';
import { kindOfReading, kindOfType, typeOfReading } from '../kinds/secret-kinds.ts';
import { idIn, readBody } from '../read-input.ts';
import type { Rooms } from '../rooms.ts';
import type { Workspace } from '../workspaces/workspace.ts';
import { healthOf } from './secret-answer.ts';
import { authClientIdIn, changedSecretBody, newSecretBody, type SecretRelationships } from './secret-body.ts';

type WritingHouse = Pick<Rooms, 'doors' | 'vault' | 'clock' | 'random'>;

const nameField = 'data.attributes.name';
const typeField = 'data.attributes.type';
const clientField = 'data.relationships.auth_client';
const defaultError = 'Reported as not working.';

export async function createSecret(
  house: WritingHouse,
  options: { readonly actor: Actor; readonly workspace: Workspace; readonly body: unknown },
): Promise<CredentialId> {
  const { actor, workspace } = options;
  const { attributes, relationships } = readBody(newSecretBody, options.body).data;
  requireSameWorkspace(relationships, workspace);
  const label = checkName(attributes.name, nameField);
  const clientText = authClientIdIn(relationships);
  const clientId = clientText === null ? null : idIn<AuthClientId>(clientText, clientField);
  const now = house.clock.now();
  return await house.doors.withTenant(actor.tenant, async (tx) => {
    const client = clientId === null ? null : await clientFor(tx, clientId, workspace);
    const type = typeOfNew(client, attributes.type ?? null);
    const kind = kindOfType(type);
    const input = kind.read(attributes.credentials, null, now);
    const context = { tx, vault: house.vault, actor };
    const { id } = await createCredential({
      ...context,
      unitId: workspace.id,
      label,
      type: await getBuiltinType(tx, kind.connectionType),
      values: input.values,
      authClientId: clientId,
      authorizeParams: input.authorizeParams ?? {},
    });
    if (input.tokens !== null) {
      await setTokens({ ...context, id, tokens: input.tokens, now, random: house.random });
    }
    if (attributes.state === 'error') {
      await updateCredential({ ...context, id, reportedError: attributes.error ?? defaultError });
    }
    return id;
  });
}

/** One that the workspace can see: its own, one of the units above it, or the platform's. */
async function clientFor(tx: Tx, id: AuthClientId, workspace: Workspace): Promise<AuthClient> {
  const client = await getAuthClient(tx, id).catch((error: unknown) => {
    throw isFault(error, 'not_found') ? notFound('Auth client', clientField) : error;
  });
  const isVisible = client.tenantId === platformTenantId || workspace.path.includes(client.unitId);
  if (client.ownerCredentialId !== null || !isVisible) throw notFound('Auth client', clientField);
  return client;
}

function typeOfNew(client: AuthClient | null, given: string | null): string {
  if (client !== null) {
    if (given === null || given === client.type) return client.type;
    throw invalidField(typeField, `the auth client is of type ${client.type}.`, 'Leave the type out.');
  }
  if (given === 'noauth' || given === 'basic' || given === 'api_key') return given;
  throw invalidField(
    clientField,
    'is missing.',
    'Give {"data": {"id": "...", "type": "auth-client"}}; only noauth, basic and api_key do without, when attributes.type says so.',
  );
}

function requireSameWorkspace(given: SecretRelationships | undefined, workspace: Workspace): void {
  if (given?.workspace === undefined || given.workspace.data.id === workspace.id) return;
  throw invalidField(
    'data.relationships.workspace',
    'is another workspace than the one in the path.',
    'Leave it out.',
  );
}

export async function updateSecret(
  house: WritingHouse,
  options: {
    readonly actor: Actor;
    readonly workspace: Workspace;
    readonly current: Reading;
    readonly body: unknown;
  },
): Promise<void> {
  const { actor, current } = options;
  const { data } = readBody(changedSecretBody, options.body);
  requireSameWorkspace(data.relationships, options.workspace);
  refuseOtherIdentity(data, current);
  const { attributes = {} } = data;
  const now = house.clock.now();
  const input =
    attributes.credentials === undefined
      ? null
      : kindOfReading(current).read(attributes.credentials, current, now);
  const reportedError = reportedErrorIn(attributes, current, now);
  const id = current.credentialId;
  await house.doors.withTenant(actor.tenant, async (tx) => {
    const context = { tx, vault: house.vault, actor };
    await updateCredential({
      ...context,
      id,
      ...(attributes.name === undefined ? {} : { label: checkName(attributes.name, nameField) }),
      ...(input === null ? {} : { values: input.values }),
      ...(input?.authorizeParams == null ? {} : { authorizeParams: input.authorizeParams }),
      ...(reportedError === undefined ? {} : { reportedError }),
    });
    if (input?.tokens != null) {
      await setTokens({ ...context, id, tokens: input.tokens, now, random: house.random });
    }
  });
}

function refuseOtherIdentity(
  data: {
    readonly id?: string | undefined;
    readonly attributes?: { readonly type?: string | undefined } | undefined;
    readonly relationships?: SecretRelationships | undefined;
  },
  current: Reading,
): void {
  if (data.id !== undefined && data.id !== current.credentialId) {
    throw invalidField('data.id', 'is another id than the one in the path.', 'Leave it out.');
  }
  const type = data.attributes?.type;
  if (type !== undefined && type !== typeOfReading(current)) {
    throw invalidField(typeField, 'cannot be changed.', 'Make another secret.');
  }
  const clientId = authClientIdIn(data.relationships);
  if (clientId !== null && clientId !== current.authClient?.id) {
    throw invalidField(clientField, 'the auth client of a secret cannot be changed.', 'Make another secret.');
  }
}

/** Undefined = unchanged; sending back what was shown reports nothing. New tokens take an old report away. */
function reportedErrorIn(
  given: {
    readonly state?: 'ready' | 'error' | undefined;
    readonly error?: string | null | undefined;
    readonly credentials?: unknown;
  },
  current: Reading,
  now: Date,
): string | null | undefined {
  const shown = healthOf(current, { isServed: true, now });
  if (given.state === 'ready') return current.reportedError === null ? undefined : null;
  const text = given.error ?? null;
  if (given.state === undefined && text === null) return undefined;
  if ((given.state ?? shown.state) === shown.state && (text === null || text === shown.error)) {
    return undefined;
  }
  return text ?? defaultError;
}

export async function deleteSecret(
  house: WritingHouse,
  options: { readonly actor: Actor; readonly id: CredentialId },
): Promise<void> {
  const { actor, id } = options;
  await house.doors.withTenant(actor.tenant, (tx) =>
    // This dialect has no field for the typed name: its callers are programs that hold the id.
    deleteCredential({ tx, vault: house.vault, actor, id, typedName: null }),
  );
}
