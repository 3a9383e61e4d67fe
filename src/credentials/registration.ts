// The identity of an OAuth app at a provider: immutable, without secrets, shared within a tenant by equal identity.
// It owns the redirect URI, so that one app pasted into many credentials needs one URI at the provider.
import { createHash, randomBytes } from 'node:crypto';
import { Fault, invalidField, notFound } from '../kernel/fault.ts';
import { newId } from '../kernel/ids.ts';
import type { ProviderQuirks } from '../oauth/catalogue/provider-entry.ts';
import { createProvider } from '../oauth/provider.ts';
import type { Tx } from '../storage/doors.ts';
import {
  insertContext,
  insertRegistration,
  isContextFree,
  type Registration,
  type RegistrationId,
  type RegistrationIdentity,
  selectRegistration,
  selectRegistrationByIdentity,
} from './registration-store.ts';

export type { Registration, RegistrationId, RegistrationIdentity } from './registration-store.ts';

/** Identities are found by an index, whose rows hold no more (PostgreSQL: a third of a page). */
const maxIdentityBytes = 2_400;

function checkIdentity(identity: RegistrationIdentity): void {
  const { clientId, authorizeUrl, tokenUrl, refreshUrl, revokeUrl } = identity;
  const bytes = Buffer.byteLength([clientId, authorizeUrl, tokenUrl, refreshUrl, revokeUrl].join(''));
  if (bytes <= maxIdentityBytes) return;
  throw invalidField(
    'client_id',
    `and the addresses are longer than ${maxIdentityBytes} bytes together.`,
    'Shorten them.',
  );
}

/** A context that can be registered at the provider before the client id is known. */
export async function reserveContext(tx: Tx): Promise<string> {
  const context = randomBytes(16).toString('base64url');
  await insertContext(tx, context);
  return context;
}

/** The registration with this identity; made, with the reserved `context` or a new one, when there is none. */
export async function ensureRegistration(
  tx: Tx,
  identity: RegistrationIdentity,
  context: string | null = null,
): Promise<Registration> {
  checkIdentity(identity);
  const known = await selectRegistrationByIdentity(tx, identity);
  if (known !== null) return known;
  if (context !== null && !(await isContextFree(tx, context))) {
    throw invalidField(
      'context',
      'is not a reserved callback context.',
      'Reserve one first, or leave it out.',
    );
  }
  await insertRegistration(tx, newId<RegistrationId>(), context ?? (await reserveContext(tx)), identity);
  const made = await selectRegistrationByIdentity(tx, identity);
  if (made === null) throw new Fault('internal', 'A registration vanished while it was being made.');
  return made;
}

export async function getRegistration(tx: Tx, id: RegistrationId): Promise<Registration> {
  const registration = await selectRegistration(tx, id);
  if (registration === null) throw notFound('OAuth registration');
  return registration;
}

/** The address to enter at the provider. `publicUrl` is the installation's base URL without a trailing slash. */
export function redirectUriOf(registration: Pick<Registration, 'context'>, publicUrl: string): string {
  return `${publicUrl}/callback/c/${registration.context}`;
}

/** What the catalogue knows about the provider behind such a key. */
export function quirksOfProviderKey(providerKey: string): ProviderQuirks {
  const [host = ''] = providerKey.split(' ');
  return createProvider({ authorizeUrl: null, tokenUrl: `https://${host}/` }).quirks;
}

/**
 * Rates and breakers are kept per token endpoint and app; the app's id is not shown where operators look. An app is its
 * owner's: whoever types the client id of somebody else's cannot close the provider to him. Only the platform's apps are
 * shared.
 */
export function providerKeyOf(
  registration: Pick<Registration, 'tenantId' | 'tokenUrl' | 'clientId'>,
): string {
  const { tenantId, clientId } = registration;
  const client = createHash('sha256').update(`${tenantId} ${clientId}`).digest('hex').slice(0, 16);
  const host = URL.canParse(registration.tokenUrl) ? new URL(registration.tokenUrl).host : '(no address)';
  return `${host} ${client}`;
}
