// SQL of reading: the one prepared statement of token reads, and the batched note of use.
import { sql } from 'kysely';
import type { GrantState } from '../credentials/grant-store.ts';
import { Fault } from '../kernel/fault.ts';
import type { AuthClientId, CredentialId, PrincipalId, TenantId, UnitId } from '../kernel/ids.ts';
import type { Doors, Tx } from '../storage/doors.ts';
import { type Sealed, sealedFromColumn } from '../vault/sealed.ts';

export type CredentialFacts = {
  readonly unitId: UnitId;
  /** Null for a credential that is owned by a connection. */
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
};

export type GrantFacts = {
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
  /** Since the tokens were stored, by the database's clock; null when that is more than a minute. */
  readonly ageMs: number | null;
  /** Until the next try is allowed or due; negative when past, null for a grant in good health. */
  readonly retryInMs: number | null;
};

export type StoredCredential = CredentialFacts & {
  readonly grant: (GrantFacts & { readonly sealed: Sealed | null }) | null;
  readonly values: readonly StoredValue[];
};

type StoredValue = { readonly field: string; readonly valueNo: number; readonly sealed: Sealed };

/** By place, as the statement packs them. Those of the grant are null when there is none. */
type PackedFacts = readonly [
  unitId: UnitId,
  label: string | null,
  typeKey: string,
  oauthKind: CredentialFacts['oauthKind'],
  authClientTenantId: TenantId | null,
  authClientId: AuthClientId | null,
  clientType: string | null,
  authorizeParams: CredentialFacts['authorizeParams'] | null,
  reportedError: string | null,
  createdBy: PrincipalId | null,
  state: GrantState | null,
  consentNo: number,
  tokenNo: number,
  issuedAt: string | null,
  expiresAt: string | null,
  isRenewable: boolean,
  ageMs: number | null,
  trouble: PackedTrouble | null,
];

type PackedTrouble = readonly [
  isArmed: boolean,
  hasFailed: boolean,
  lastErrorCode: string | null,
  lastError: string | null,
  retryInMs: number | null,
];

/** Those of the ids that the tenant has. */
export async function readCredentials(
  doors: Doors,
  tenant: TenantId,
  ids: readonly CredentialId[],
): Promise<ReadonlyMap<string, StoredCredential>> {
  // Column by column: id, field, facts, sealed. UUIDs need no quotes in an array.
  const rows = await doors.prepared({
    name: 'read_credentials',
    text: 'select credential_id, field, facts, sealed from latchkey_read_credentials($1, $2)',
    values: [tenant, `{${ids.join(',')}}`],
  });
  const found = new Map<string, StoredCredential & { readonly values: StoredValue[] }>();
  for (const [id, field, facts, sealed] of rows) {
    if (id == null || facts == null) continue;
    if (field == null) found.set(id, unpack(JSON.parse(facts), readSealed(sealed)));
    else found.get(id)?.values.push(readValue(field, Number(facts), sealed));
  }
  return found;
}

function readValue(field: string, valueNo: number, sealed: string | null | undefined): StoredValue {
  const bytes = readSealed(sealed);
  if (bytes === null) throw new Fault('internal', 'A stored value has no content.');
  return { field, valueNo, sealed: bytes };
}

/** `bytea` as text is \x and hexadecimal digits. */
function readSealed(text: string | null | undefined): Sealed | null {
  return text == null ? null : sealedFromColumn(Buffer.from(text.slice(2), 'hex'));
}

function unpack(packed: PackedFacts, sealed: Sealed | null) {
  const [
    unitId,
    label,
    typeKey,
    oauthKind,
    clientTenantId,
    clientId,
    clientType,
    params,
    reportedError,
    createdBy,
  ] = packed;
  return {
    unitId,
    label,
    // The table holds this by a CHECK.
    kind: label === null ? ('owned' as const) : ('named' as const),
    typeKey,
    oauthKind,
    authClient:
      clientTenantId === null || clientId === null ? null : { tenantId: clientTenantId, id: clientId },
    clientType,
    authorizeParams: params ?? {},
    reportedError,
    createdBy,
    grant: unpackGrant(packed, sealed),
    values: [],
  };
}

function unpackGrant(packed: PackedFacts, sealed: Sealed | null): StoredCredential['grant'] {
  const [, , , , , , , , , , state, consentNo, tokenNo, issuedAt, expiresAt, isRenewable, ageMs, trouble] =
    packed;
  if (state === null) return null;
  const [isArmed, hasFailed, lastErrorCode, lastError, retryInMs] = trouble ?? [
    false,
    false,
    null,
    null,
    null,
  ];
  return {
    state,
    consentNo,
    tokenNo,
    issuedAt: issuedAt === null ? null : new Date(issuedAt),
    expiresAt: expiresAt === null ? null : new Date(expiresAt),
    isRenewable,
    isArmed,
    hasFailed,
    lastErrorCode,
    lastError,
    ageMs,
    retryInMs,
    sealed,
  };
}

/** One statement for all uses of a tenant since the last flush. */
export async function noteUses(tx: Tx, credentialIds: readonly CredentialId[]): Promise<void> {
  await sql`
    insert into grant_use (tenant_id, credential_id, last_used_at)
    select g.tenant_id, g.credential_id, clock_timestamp() from oauth_grant g
    where g.tenant_id = latchkey_tenant() and g.credential_id = any(${[...credentialIds]}::uuid[])
    on conflict (tenant_id, credential_id) do update set last_used_at = excluded.last_used_at`.execute(tx);
}
