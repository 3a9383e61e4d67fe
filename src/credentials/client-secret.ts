// The secrets of an auth client: several at a time, tried newest first, so that a secret can be replaced here before or
// after the provider knows the new one, and no refresh fails in between.
import { invalidField } from '../kernel/fault.ts';
import { type AuthClientId, newId, type TenantId } from '../kernel/ids.ts';
import type { Plain } from '../kernel/plain.ts';
import type { Tx } from '../storage/doors.ts';
import { placeOf } from '../vault/sealed-columns.ts';
import type { Vault } from '../vault/vault.ts';
import {
  type AuthClientRow,
  insertSecret,
  nextSecretNo,
  retireSecretsBefore,
  selectActiveSecrets,
} from './auth-client-store.ts';
import { mendAuthClient } from './client-breaker.ts';

/** How long a replaced secret is still tried after the new one. */
const keepReplacedHours = 24;

type SecretOptions = {
  readonly tx: Tx;
  readonly vault: Vault;
  readonly tenant: TenantId;
  readonly clientId: AuthClientId;
  readonly secret: Plain;
};

/** Adds a secret that is tried first; the older ones stay and are tried after it. Touches no grant's tokens. */
export async function addClientSecret(options: SecretOptions): Promise<number> {
  const { tx, vault, tenant, clientId, secret } = options;
  if (secret.byteLength === 0) throw invalidField('secret', 'must not be empty.', 'Give the client secret.');
  const no = await nextSecretNo(tx, clientId);
  const id = newId<never>() as string;
  await insertSecret(tx, {
    tenantId: tenant,
    id,
    clientId,
    no,
    sealed: await vault.seal(tx, secretPlace(tenant, id, no), secret),
  });
  // Whatever the provider said about the old ones may not be true of this one.
  await mendAuthClient(tx, clientId);
  return no;
}

/** Puts this one first and lets the others go within a day: until then the provider may still want one of them. */
export async function setClientSecret(options: SecretOptions): Promise<void> {
  const no = await addClientSecret(options);
  await retireSecretsBefore(options.tx, options.clientId, { no, keepHours: keepReplacedHours });
}

export type ClientSecret = { readonly no: number; readonly secret: Plain };

/** Newest first, the order in which they are tried. Empty for public clients. */
export async function openClientSecrets(
  tx: Tx,
  vault: Vault,
  client: Pick<AuthClientRow, 'tenantId' | 'id'>,
): Promise<readonly ClientSecret[]> {
  return (await openSecretsOfClients(tx, vault, [client])).get(client.id) ?? [];
}

/** The same for several clients; a client without secrets is missing. */
export async function openSecretsOfClients(
  tx: Tx,
  vault: Vault,
  clients: readonly Pick<AuthClientRow, 'tenantId' | 'id'>[],
): Promise<ReadonlyMap<AuthClientId, readonly ClientSecret[]>> {
  const opened = new Map<AuthClientId, ClientSecret[]>();
  for (const { tenantId, clientId, id, no, sealed } of await selectActiveSecrets(tx, clients)) {
    const secret = await vault.open(tx, secretPlace(tenantId, id, no), sealed);
    opened.set(clientId, [...(opened.get(clientId) ?? []), { no, secret }]);
  }
  return opened;
}

const unprovenCodes = new Set(['invalid_client', 'incorrect_client_credentials', 'status_401']);

/** The provider did not believe that we are the client: nothing was looked at, and another secret may be the right one. */
export function isClientUnproven(code: string): boolean {
  return unprovenCodes.has(code);
}

function secretPlace(tenant: TenantId, id: string, no: number) {
  return placeOf('authClientSecret', { tenant_id: tenant, id, no });
}
