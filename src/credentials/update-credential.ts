// Changes a credential: only the fields that come along get new values; the others stay as they are, unseen.
import { audit } from '../audit/event.ts';
import { invalidField, notFound } from '../kernel/fault.ts';
import type { CredentialId } from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';
import { type Actor, requirePermission } from '../tenancy/actor.ts';
import { checkName } from '../tenancy/unit.ts';
import type { Vault } from '../vault/vault.ts';
import { getAuthClient } from './auth-client.ts';
import { type ConnectionType, getConnectionType } from './connection-type.ts';
import { type Credential, findCredential, getCredential } from './credential.ts';
import {
  type CredentialChange,
  deleteValue,
  lockCredential,
  updateCredentialRow,
} from './credential-store.ts';
import { changeInlineClient, createInlineClient, type SplitValues, splitValues } from './inline-client.ts';
import { oneLine } from './log-store.ts';
import { checkParams, checkValues, storeValue, type Values } from './values.ts';

type UpdateCredential = {
  readonly tx: Tx;
  readonly vault: Vault;
  readonly actor: Actor;
  readonly id: CredentialId;
  readonly label?: string;
  readonly values?: Values;
  readonly authorizeParams?: Readonly<Record<string, string>>;
  readonly reportedError?: string | null;
  readonly redirects?: { readonly success?: string | null; readonly failure?: string | null };
};

export async function updateCredential(options: UpdateCredential): Promise<Credential> {
  const { tx, vault, actor, id } = options;
  const credential = await getCredential({ tx, actor, id });
  requirePermission(actor, 'credential.edit', credential.unitPath);
  await lockCredential(tx, id, 'change');
  const change = changeOf(options, credential);
  const values: Values = options.values ?? new Map();
  const type = await getConnectionType(tx, credential.connectionType);
  checkValues(type, values, { isComplete: false });
  const { client, own } = splitValues(type, values);
  for (const [fieldKey, value] of own) {
    // An empty text takes a value away: there is no other way to say so in a write-only form.
    if (value.byteLength === 0) await clearValue(tx, type, id, fieldKey);
    else await storeValue({ tx, vault, tenant: actor.tenant, credentialId: id, fieldKey, value });
  }
  const authClient =
    client.size === 0 ? null : await changeClient({ tx, vault, actor, credential, type, client });
  await updateCredentialRow(tx, id, { ...change, ...(authClient === null ? {} : { authClient }) });
  await audit(tx, {
    action: 'credential.updated',
    actor,
    object: { kind: 'credential', id },
    fields: [...Object.keys(change), ...values.keys()],
  });
  const updated = await findCredential(tx, id);
  if (updated === null) throw notFound('Credential');
  return updated;
}

function changeOf(options: UpdateCredential, credential: Credential): CredentialChange {
  const { label, authorizeParams, reportedError, redirects } = options;
  if (label !== undefined && credential.kind === 'owned') {
    throw invalidField('label', 'this credential belongs to a connection and has no name.', 'Leave it out.');
  }
  if (authorizeParams !== undefined) checkParams(authorizeParams, 'authorizeParams');
  return {
    ...(label === undefined ? {} : { label: checkName(label, 'label') }),
    ...(authorizeParams === undefined ? {} : { authorizeParams }),
    ...(reportedError === undefined
      ? {}
      : { reportedError: reportedError === null ? null : oneLine(reportedError) }),
    ...(redirects?.success === undefined ? {} : { redirectSuccess: redirects.success }),
    ...(redirects?.failure === undefined ? {} : { redirectFailure: redirects.failure }),
  };
}

async function clearValue(tx: Tx, type: ConnectionType, id: CredentialId, fieldKey: string): Promise<void> {
  const field = type.fields.find((candidate) => candidate.key === fieldKey);
  if (field?.required)
    throw invalidField(`values.${fieldKey}`, `${field.label} is required.`, 'Give it a value.');
  await deleteValue(tx, id, fieldKey);
}

async function changeClient(options: {
  readonly tx: Tx;
  readonly vault: Vault;
  readonly actor: Actor;
  readonly credential: Credential;
  readonly type: ConnectionType;
  readonly client: SplitValues['client'];
}): Promise<NonNullable<CredentialChange['authClient']>> {
  const { tx, vault, actor, credential, type, client } = options;
  const inline = {
    tx,
    vault,
    actor,
    credentialId: credential.id,
    unitId: credential.unitId,
    name: credential.label ?? type.label,
    type,
    client,
  };
  if (credential.authClientId === null) {
    const made = await createInlineClient(inline);
    return { tenantId: made.tenantId, id: made.id };
  }
  const current = await getAuthClient(tx, credential.authClientId);
  if (current.ownerCredentialId !== credential.id) {
    throw invalidField(
      'values',
      'this credential uses a shared auth client.',
      'Change the auth client instead.',
    );
  }
  return await changeInlineClient({ ...inline, current });
}
