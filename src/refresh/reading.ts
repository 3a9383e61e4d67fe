// What one read of a credential found, with its secrets opened. Opened values are remembered by the counters that the
// row itself showed, and used only after that row was read: a revoked token is never served from memory.
import { LRUCache } from 'lru-cache';
import { parseTokens, type StoredTokens } from '../credentials/grant.ts';
import type { GrantState } from '../credentials/grant-store.ts';
import type { AuthClientId, CredentialId, PrincipalId, TenantId, UnitId } from '../kernel/ids.ts';
import type { Plain } from '../kernel/plain.ts';
import type { Doors } from '../storage/doors.ts';
import { placeOf } from '../vault/sealed-columns.ts';
import type { Vault } from '../vault/vault.ts';
import { type ReadingRow, readCredentialRow } from './reading-store.ts';

export type GrantReading = {
  readonly state: GrantState;
  readonly consentNo: number;
  readonly tokenNo: number;
  readonly issuedAt: Date | null;
  readonly expiresAt: Date | null;
  readonly isRenewable: boolean;
  readonly isArmed: boolean;
  readonly hasFailed: boolean;
  readonly lastErrorCode: string | null;
  readonly lastError: string | null;
  readonly accountLabel: string | null;
  readonly grantedScope: string | null;
  /** Since the tokens were stored, by the database's clock. */
  readonly ageMs: number | null;
  readonly retryInMs: number | null;
  /** Null when the grant holds none. */
  readonly tokens: StoredTokens | null;
};

export type Reading = {
  readonly tenantId: TenantId;
  readonly credentialId: CredentialId;
  readonly unitId: UnitId;
  readonly label: string | null;
  readonly kind: 'named' | 'owned';
  readonly typeKey: string;
  readonly oauthKind: 'authorization_code' | 'client_credentials' | null;
  readonly authClient: { readonly tenantId: TenantId; readonly id: AuthClientId } | null;
  /** The type of a shared auth client; null when the client is the credential's own, or there is none. */
  readonly clientType: string | null;
  readonly authorizeParams: Readonly<Record<string, string>>;
  readonly reportedError: string | null;
  readonly createdBy: PrincipalId | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly values: ReadonlyMap<string, Plain>;
  readonly grant: GrantReading | null;
};

const maxRemembered = 20_000;

/** Null when the tenant has no such credential. */
export type ReadCredential = (tenant: TenantId, credentialId: CredentialId) => Promise<Reading | null>;

export function createReadCredential(deps: {
  readonly doors: Doors;
  readonly vault: Vault;
  /** Where to hear that keys or authority changed: what was opened with a key that is gone must be forgotten. */
  readonly onFlush: (listener: () => void) => void;
}): ReadCredential {
  const { doors, vault } = deps;
  const openedTokens = new LRUCache<string, StoredTokens>({ max: maxRemembered });
  const openedValues = new LRUCache<string, Plain>({ max: maxRemembered });
  deps.onFlush(() => {
    openedTokens.clear();
    openedValues.clear();
  });

  function openAll(tenant: TenantId, credentialId: CredentialId, row: ReadingRow): Reading | null {
    const values = new Map<string, Plain>();
    for (const [index, fieldKey] of (row.field_keys ?? []).entries()) {
      const valueNo = row.value_nos?.[index];
      const sealed = row.values_sealed?.[index];
      if (valueNo === undefined || sealed === undefined) continue;
      const key = `${tenant}:${credentialId}:${valueNo}:${fieldKey}`;
      const place = {
        tenant_id: tenant,
        credential_id: credentialId,
        field_key: fieldKey,
        value_no: valueNo,
      };
      const plain = openedValues.get(key) ?? vault.openCached(placeOf('credentialValue', place), sealed);
      if (plain === null) return null;
      openedValues.set(key, plain);
      values.set(fieldKey, plain);
    }
    const tokens = openTokens(tenant, credentialId, row);
    return tokens === undefined ? null : { ...toReading(tenant, credentialId, row, tokens), values };
  }

  /** Undefined: the tenant's key is not remembered. */
  function openTokens(
    tenant: TenantId,
    credentialId: CredentialId,
    row: ReadingRow,
  ): StoredTokens | null | undefined {
    if (row.ct === null || row.token_no === null) return null;
    const key = `${tenant}:${credentialId}:${row.consent_no}:${row.token_no}`;
    const known = openedTokens.get(key);
    if (known !== undefined) return known;
    const place = placeOf('grantTokens', {
      tenant_id: tenant,
      credential_id: credentialId,
      token_no: row.token_no,
    });
    const plain = vault.openCached(place, row.ct);
    if (plain === null) return undefined;
    const tokens = parseTokens(plain);
    openedTokens.set(key, tokens);
    return tokens;
  }

  return async (tenant, credentialId) => {
    const row = await readCredentialRow(doors, tenant, credentialId);
    if (row === null) return null;
    const opened = openAll(tenant, credentialId, row);
    if (opened !== null) return opened;
    await vault.warm(tenant);
    return openAll(tenant, credentialId, row);
  };
}

function toReading(
  tenantId: TenantId,
  credentialId: CredentialId,
  row: ReadingRow,
  tokens: StoredTokens | null,
): Omit<Reading, 'values'> {
  return {
    tenantId,
    credentialId,
    unitId: row.unit_id,
    label: row.label,
    kind: row.kind,
    typeKey: row.type_key,
    oauthKind: row.oauth_kind,
    authClient:
      row.auth_client_id === null || row.auth_client_tenant_id === null
        ? null
        : { tenantId: row.auth_client_tenant_id, id: row.auth_client_id },
    clientType: row.client_type,
    authorizeParams: row.authorize_params,
    reportedError: row.reported_error,
    createdBy: row.created_by,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    grant: toGrant(row, tokens),
  };
}

function toGrant(row: ReadingRow, tokens: StoredTokens | null): GrantReading | null {
  if (row.grant_state === null || row.consent_no === null || row.token_no === null) return null;
  return {
    state: row.grant_state,
    consentNo: row.consent_no,
    tokenNo: row.token_no,
    issuedAt: row.issued_at,
    expiresAt: row.expires_at,
    isRenewable: row.refresh_due_at !== null,
    isArmed: row.attempt_id !== null,
    hasFailed: (row.fail_count ?? 0) > 0,
    lastErrorCode: row.last_error_code,
    lastError: row.last_error,
    accountLabel: row.account_label,
    grantedScope: row.granted_scope,
    ageMs: row.age_ms,
    retryInMs: row.retry_in_ms,
    tokens,
  };
}
