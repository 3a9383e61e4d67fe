// Deletes a credential: only with its exact name, checked here and not only in a form, and never while it is used.
import { audit } from '../audit/event.ts';
import { Fault } from '../kernel/fault.ts';
import type { CredentialId } from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';
import { type Actor, requirePermission } from '../tenancy/actor.ts';
import type { Vault } from '../vault/vault.ts';
import { type Credential, getCredential } from './credential.ts';
import { deleteCredentialRow, lockCredential } from './credential-store.ts';
import { revokeLater } from './disconnect.ts';
import { lockGrant } from './grant.ts';
import { type CredentialUse, listUses } from './use.ts';

/** `typedName` null = the caller's protocol has no such field, and its id was given instead. */
export async function deleteCredential(options: {
  readonly tx: Tx;
  readonly vault: Vault;
  readonly actor: Actor;
  readonly id: CredentialId;
  readonly typedName: string | null;
}): Promise<Credential> {
  const { tx, vault, actor, id, typedName } = options;
  requirePermission(actor, 'credential.delete', (await getCredential({ tx, actor, id })).unitPath);
  // Nobody renames it or begins to use it from here on.
  await lockCredential(tx, id, 'deletion');
  const credential = await getCredential({ tx, actor, id });
  // Code point by code point: a look-alike or a trimmed name is another name.
  if (typedName !== null && typedName !== credential.label) {
    throw new Fault('name_mismatch', 'The typed name is not the name of this credential.', {
      field: 'name',
      cure: 'Type the name exactly as it is shown.',
    });
  }
  const uses = await listUses(tx, id);
  if (uses.length > 0) throw inUse(uses);
  const grant = await lockGrant(tx, id);
  if (grant !== null) await revokeLater({ tx, vault }, grant, 'deleted');
  await deleteCredentialRow(tx, id);
  await audit(tx, { action: 'credential.deleted', actor, object: { kind: 'credential', id } });
  return credential;
}

const shownUses = 5;

function inUse(uses: readonly CredentialUse[]): Fault {
  const places = uses.slice(0, shownUses).map((use) => `${use.userKind} ${use.userId}`);
  const more = uses.length > shownUses ? ` and ${uses.length - shownUses} more` : '';
  return new Fault(
    'in_use',
    `The credential is used in ${uses.length} place${uses.length === 1 ? '' : 's'}: ${places.join(', ')}${more}.`,
    { cure: 'Bind another credential there, or remove them, and delete it then.' },
  );
}
