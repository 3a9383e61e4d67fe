// What one read of a credential found, with its secrets opened. Nothing opened is remembered: opening costs less than a
// tenth of a read, and so a revoked token, a destroyed key or a shredded tenant leaves nothing to forget.
import { parseTokens, type StoredTokens, tokensPlace } from '../credentials/grant.ts';
import { type CredentialId, isUuid, type TenantId } from '../kernel/ids.ts';
import type { Plain } from '../kernel/plain.ts';
import type { Doors } from '../storage/doors.ts';
import type { Place } from '../vault/place.ts';
import type { Sealed } from '../vault/sealed.ts';
import { placeOf } from '../vault/sealed-columns.ts';
import type { Vault } from '../vault/vault.ts';
import { createReadLine } from './read-line.ts';
import {
  type CredentialFacts,
  createReadCredentials,
  type GrantFacts,
  type StoredCredential,
} from './reading-store.ts';

export type GrantReading = GrantFacts & {
  /** Null when the grant holds none. */
  readonly tokens: StoredTokens | null;
};

export type Reading = CredentialFacts & {
  readonly tenantId: TenantId;
  readonly credentialId: CredentialId;
  readonly values: ReadonlyMap<string, Plain>;
  readonly grant: GrantReading | null;
};

/** Null when the tenant has no such credential. */
export type ReadCredential = (tenant: TenantId, credentialId: CredentialId) => Promise<Reading | null>;

export function createReadCredential(deps: { readonly doors: Doors; readonly vault: Vault }): ReadCredential {
  const { doors, vault } = deps;
  const readInLine = createReadLine(createReadCredentials(doors));

  return async (tenantId, credentialId) => {
    // In one statement with others, a malformed id would fail them too.
    if (!isUuid(credentialId)) return null;
    const stored = await readInLine(tenantId, credentialId);
    if (stored === null) return null;
    const closed = closedOf(tenantId, credentialId, stored);
    const opened = openAtOnce(vault, closed) ?? (await openSlowly(deps, tenantId, closed));
    return toReading(tenantId, credentialId, stored, opened);
  };
}

type Closed = { readonly place: Place; readonly sealed: Sealed };

/** The values in their order, then the tokens. */
function closedOf(tenant: TenantId, credentialId: CredentialId, stored: StoredCredential): readonly Closed[] {
  const { grant } = stored;
  const closed = stored.values.map(({ field, valueNo, sealed }): Closed => {
    const row = { tenant_id: tenant, credential_id: credentialId, field_key: field, value_no: valueNo };
    return { place: placeOf('credentialValue', row), sealed };
  });
  if (grant !== null && grant.sealed !== null) {
    closed.push({ place: tokensPlace(tenant, credentialId, grant.tokenNo), sealed: grant.sealed });
  }
  return closed;
}

/** Null when the tenant's key is not remembered, or nobody can say whether it still holds. */
function openAtOnce(vault: Vault, closed: readonly Closed[]): readonly Plain[] | null {
  const opened: Plain[] = [];
  for (const { place, sealed } of closed) {
    const plain = vault.openCached(place, sealed);
    if (plain === null) return null;
    opened.push(plain);
  }
  return opened;
}

async function openSlowly(
  { doors, vault }: { readonly doors: Doors; readonly vault: Vault },
  tenant: TenantId,
  closed: readonly Closed[],
): Promise<readonly Plain[]> {
  return await doors.withTenant(tenant, async (tx) => {
    const opened: Plain[] = [];
    for (const { place, sealed } of closed) opened.push(await vault.open(tx, place, sealed));
    return opened;
  });
}

function toReading(
  tenantId: TenantId,
  credentialId: CredentialId,
  stored: StoredCredential,
  opened: readonly Plain[],
): Reading {
  const values = new Map<string, Plain>();
  for (const [index, { field }] of stored.values.entries()) {
    const plain = opened[index];
    if (plain !== undefined) values.set(field, plain);
  }
  // Member by member, here and below: spreading would cost more than opening the tokens does.
  return {
    tenantId,
    credentialId,
    unitId: stored.unitId,
    label: stored.label,
    kind: stored.kind,
    typeKey: stored.typeKey,
    oauthKind: stored.oauthKind,
    authClient: stored.authClient,
    clientType: stored.clientType,
    authorizeParams: stored.authorizeParams,
    reportedError: stored.reportedError,
    createdBy: stored.createdBy,
    values,
    grant: stored.grant === null ? null : toGrant(stored.grant, opened),
  };
}

function toGrant(stored: NonNullable<StoredCredential['grant']>, opened: readonly Plain[]): GrantReading {
  const plain = stored.sealed === null ? undefined : opened.at(-1);
  return {
    state: stored.state,
    consentNo: stored.consentNo,
    tokenNo: stored.tokenNo,
    issuedAt: stored.issuedAt,
    expiresAt: stored.expiresAt,
    isRenewable: stored.isRenewable,
    isArmed: stored.isArmed,
    hasFailed: stored.hasFailed,
    lastErrorCode: stored.lastErrorCode,
    lastError: stored.lastError,
    retryInMs: stored.retryInMs,
    tokens: plain === undefined ? null : parseTokens(plain),
  };
}
