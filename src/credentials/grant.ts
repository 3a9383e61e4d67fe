// The grant: tokens of a consent and their health. The only writer of the table.
//
//   pending --consent stored--> active --refresh failed--> degraded --refreshed--> active
//     ^  pending_confirmation     |  no expiry: static       |  refused twice, or lost: needs_reauth
//     +--- new credential         +------- disconnect -------+-----> disconnected --consent--> active
//
// consent_no rises only where the token set is replaced or deleted; token_no with every stored token. A refresh commits
// by comparing both with what it read when it armed its attempt: no lost update, no resurrection, whatever the timing.
import { invalidField, notFound } from '../kernel/fault.ts';
import type { AuthClientId, CredentialId, TenantId } from '../kernel/ids.ts';
import { Plain } from '../kernel/plain.ts';
import type { Tx } from '../storage/doors.ts';
import type { Place } from '../vault/place.ts';
import type { Sealed } from '../vault/sealed.ts';
import { placeOf } from '../vault/sealed-columns.ts';
import type { Vault } from '../vault/vault.ts';
import { deleteFormerClients } from './auth-client-store.ts';
import { lockCredential } from './credential-store.ts';
import {
  type GrantRow,
  insertPendingGrant,
  selectGrant,
  selectGrantForUpdate,
  writeConsent,
} from './grant-store.ts';
import type { Registration } from './registration.ts';

/** What is sealed in a grant: everything that the provider's answers have said so far. */
export type StoredTokens = {
  readonly accessToken: Plain;
  readonly refreshToken: Plain | null;
  readonly tokenType: string;
  readonly scope: string | null;
  /** Every other field of the token answers, merged through refreshes. */
  readonly extra: Readonly<Record<string, unknown>>;
  /** Parameters of the provider's redirect that are not the protocol's own (realmId and the like). */
  readonly callbackParams: Readonly<Record<string, string>>;
};

export type TokenTiming = {
  readonly issuedAt: Date;
  readonly expiresAt: Date | null;
  readonly refreshDueAt: Date | null;
  readonly refreshExpiresAt: Date | null;
  readonly expiryAssumed: boolean;
};

export type Account = { readonly ref: Buffer; readonly label: string };

export async function createPendingGrant(
  tx: Tx,
  tenant: TenantId,
  credentialId: CredentialId,
): Promise<void> {
  await insertPendingGrant(tx, tenant, credentialId);
}

export async function getGrant(tx: Tx, credentialId: CredentialId): Promise<GrantRow> {
  const grant = await selectGrant(tx, credentialId);
  if (grant === null) throw notFound('OAuth grant');
  return grant;
}

/** Locks the row: for disconnect and delete, which must see the last committed tokens. */
export async function lockGrant(tx: Tx, credentialId: CredentialId): Promise<GrantRow | null> {
  await lockCredential(tx, credentialId, 'mention');
  return await selectGrantForUpdate(tx, credentialId);
}

export function tokensPlace(tenant: TenantId, credentialId: CredentialId, tokenNo: number): Place {
  return placeOf('grantTokens', { tenant_id: tenant, credential_id: credentialId, token_no: tokenNo });
}

/** Null when the grant holds no tokens. */
export async function openTokens(tx: Tx, vault: Vault, grant: GrantRow): Promise<StoredTokens | null> {
  if (grant.ct === null) return null;
  return parseTokens(
    await vault.open(tx, tokensPlace(grant.tenantId, grant.credentialId, grant.tokenNo), grant.ct),
  );
}

export function parseTokens(plain: Plain): StoredTokens {
  const stored = JSON.parse(plain.revealText()) as {
    access: string;
    refresh: string | null;
    type: string;
    scope: string | null;
    extra: Record<string, unknown>;
    callback: Record<string, string>;
  };
  return {
    accessToken: Plain.fromText(stored.access),
    refreshToken: stored.refresh === null ? null : Plain.fromText(stored.refresh),
    tokenType: stored.type,
    scope: stored.scope,
    extra: stored.extra,
    callbackParams: stored.callback,
  };
}

export function serializeTokens(tokens: StoredTokens): Plain {
  return Plain.fromText(
    JSON.stringify({
      access: tokens.accessToken.revealText(),
      refresh: tokens.refreshToken?.revealText() ?? null,
      type: tokens.tokenType,
      scope: tokens.scope,
      extra: tokens.extra,
      callback: tokens.callbackParams,
    }),
  );
}

async function sealTokens(
  tx: Tx,
  vault: Vault,
  at: { readonly tenant: TenantId; readonly credentialId: CredentialId; readonly tokenNo: number },
  tokens: StoredTokens,
): Promise<Sealed> {
  return await vault.seal(tx, tokensPlace(at.tenant, at.credentialId, at.tokenNo), serializeTokens(tokens));
}

/**
 * Replaces the whole token set: a confirmed consent, or tokens set by hand. 'superseded' when another consent or a
 * disconnect came first; the caller then revokes what it holds.
 */
export async function storeConsent(options: {
  readonly tx: Tx;
  readonly vault: Vault;
  readonly credentialId: CredentialId;
  readonly expectedConsentNo: number;
  readonly tokens: StoredTokens;
  readonly timing: TokenTiming;
  readonly registration: Registration | null;
  readonly mintedBy: { readonly tenantId: TenantId; readonly id: AuthClientId } | null;
  readonly providerKey: string | null;
  readonly account: Account | null;
  readonly grantedScope: string | null;
}): Promise<'stored' | 'superseded'> {
  const { tx, vault, credentialId, tokens, timing } = options;
  const grant = await lockGrant(tx, credentialId);
  if (grant === null) throw notFound('OAuth grant');
  if (grant.consentNo !== options.expectedConsentNo) return 'superseded';
  const at = { tenant: grant.tenantId, credentialId, tokenNo: grant.tokenNo + 1 };
  const written = await writeConsent(tx, credentialId, {
    expectedConsentNo: options.expectedConsentNo,
    ct: await sealTokens(tx, vault, at, tokens),
    state: timing.expiresAt === null && timing.refreshDueAt === null ? 'static' : 'active',
    registrationId: options.registration?.id ?? null,
    mintedByTenantId: options.mintedBy?.tenantId ?? null,
    mintedBy: options.mintedBy?.id ?? null,
    providerKey: options.providerKey,
    ...timing,
    // Nothing could be asked with: an attempt would be armed again and again and never sent.
    refreshDueAt: options.registration === null ? null : timing.refreshDueAt,
    accountRef: options.account?.ref ?? null,
    accountLabel: options.account?.label ?? null,
    grantedScope: options.grantedScope,
  });
  if (written) await deleteFormerClients(tx, credentialId);
  return written ? 'stored' : 'superseded';
}

/** What may stand in an Authorization header: no space, control character or non-ASCII (RFC 6750 2.1, kept wide). */
export function checkAccessToken(token: Plain, field: string): void {
  if (/^[\x21-\x7e]{1,16384}$/.test(token.revealText())) return;
  throw invalidField(
    field,
    'is not a token.',
    'Give a text of 1 to 16384 printable ASCII characters without spaces.',
  );
}
