// SQL of reading: the prepared statements of token reads, and the batched note of use.
import { sql } from 'kysely';
import type { GrantState } from '../credentials/grant-store.ts';
import { Fault } from '../kernel/fault.ts';
import type { AuthClientId, CredentialId, PrincipalId, TenantId, UnitId } from '../kernel/ids.ts';
import type { Doors, Tx } from '../storage/doors.ts';
import type { TextRow } from '../storage/pipeline.ts';
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

/** One id, or many as an array: looking one up in an array costs the database a fifth more. */
const matches = { one: '= $2', many: '= any ($2)' } as const;
type Match = keyof typeof matches;

const credentialsStatement = (match: Match) => `
  select c.id, c.unit_id, c.label, c.type_key, c.oauth_kind, c.auth_client_tenant_id, c.auth_client_id, c.client_type,
    c.authorize_params, c.reported_error, c.created_by, g.state, g.consent_no, g.token_no, g.issued_at, g.expires_at,
    g.refresh_due_at is not null,
    case when coalesce(g.refreshed_at, g.issued_at) > clock_timestamp() - interval '1 minute'
      then extract(epoch from clock_timestamp() - coalesce(g.refreshed_at, g.issued_at)) * 1000 end,
    case when g.attempt_id is not null or g.fail_count > 0 or g.last_error_code is not null
      then json_build_array(g.attempt_id is not null, g.fail_count > 0, g.last_error_code, g.last_error,
        extract(epoch from g.refresh_due_at - clock_timestamp()) * 1000) end,
    g.ct
  from credential c
  left join oauth_grant g on g.tenant_id = c.tenant_id and g.credential_id = c.id
  where c.tenant_id = $1 and c.id ${matches[match]}`;

const valuesStatement = (match: Match) => `
  select v.credential_id, v.field_key, v.value_no, v.sealed from credential_value v
  where v.tenant_id = $1 and v.credential_id ${matches[match]}`;

const statements = {
  one: prepare('one'),
  many: prepare('many'),
};

function prepare(match: Match) {
  return [
    { name: `read_credentials_${match}`, text: credentialsStatement(match) },
    { name: `read_credential_values_${match}`, text: valuesStatement(match) },
  ] as const;
}

/** Null for a grant in good health: those columns cost more to write and to read than all others together. */
type Trouble = readonly [
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
  const [only] = ids;
  const isOne = ids.length === 1 && only !== undefined;
  // UUIDs need no quotes in an array.
  const values = [tenant, isOne ? only : `{${ids.join(',')}}`];
  const [credentials = [], fields = []] = await doors.read(
    tenant,
    statements[isOne ? 'one' : 'many'].map((statement) => ({ ...statement, values })),
  );
  const found = new Map<string, StoredCredential & { readonly values: StoredValue[] }>();
  for (const row of credentials) found.set(given(row[0]), toCredential(row));
  for (const [id, field, valueNo, sealed] of fields) {
    const value = { field: given(field), valueNo: Number(valueNo), sealed: toSealed(given(sealed)) };
    found.get(given(id))?.values.push(value);
  }
  return found;
}

function toCredential(row: TextRow): StoredCredential & { readonly values: StoredValue[] } {
  // Column by column, as the statement names them; the tables hold which of them may be null.
  const [
    ,
    unitId,
    label,
    typeKey,
    oauthKind,
    clientTenantId,
    clientId,
    clientType,
    params,
    reported,
    creator,
  ] = row;
  return {
    unitId: given(unitId) as UnitId,
    label: label ?? null,
    // The table holds this by a CHECK.
    kind: label == null ? 'owned' : 'named',
    typeKey: given(typeKey),
    oauthKind: (oauthKind ?? null) as CredentialFacts['oauthKind'],
    authClient:
      clientTenantId == null || clientId == null
        ? null
        : { tenantId: clientTenantId as TenantId, id: clientId as AuthClientId },
    clientType: clientType ?? null,
    authorizeParams: params === '{}' ? {} : JSON.parse(given(params)),
    reportedError: reported ?? null,
    createdBy: (creator ?? null) as PrincipalId | null,
    grant: toGrant(row),
    values: [],
  };
}

function toGrant(row: TextRow): StoredCredential['grant'] {
  const [state, consentNo, tokenNo, issuedAt, expiresAt, isRenewable, ageMs, trouble, sealed] = row.slice(11);
  if (state == null) return null;
  const [isArmed, hasFailed, lastErrorCode, lastError, retryInMs]: Trouble =
    trouble == null ? [false, false, null, null, null] : JSON.parse(trouble);
  return {
    state: state as GrantState,
    consentNo: Number(consentNo),
    tokenNo: Number(tokenNo),
    issuedAt: toDate(issuedAt),
    expiresAt: toDate(expiresAt),
    isRenewable: isRenewable === 't',
    isArmed,
    hasFailed,
    lastErrorCode,
    lastError,
    ageMs: ageMs == null ? null : Number(ageMs),
    retryInMs,
    sealed: sealed == null ? null : toSealed(sealed),
  };
}

function given(text: string | null | undefined): string {
  if (text == null) throw new Fault('internal', 'A column that is never null was null.');
  return text;
}

/** `bytea` as text is \x and hexadecimal digits. */
function toSealed(text: string): Sealed {
  return sealedFromColumn(Buffer.from(text.slice(2), 'hex'));
}

/** Sessions keep UTC and ISO dates: 2026-01-31 12:00:00.123456+00. */
function toDate(text: string | null | undefined): Date | null {
  return text == null ? null : new Date(`${text.slice(0, 10)}T${text.slice(11, -3)}Z`);
}

/** One statement for all uses of a tenant since the last flush. */
export async function noteUses(tx: Tx, credentialIds: readonly CredentialId[]): Promise<void> {
  await sql`
    insert into grant_use (tenant_id, credential_id, last_used_at)
    select g.tenant_id, g.credential_id, clock_timestamp() from oauth_grant g
    where g.tenant_id = latchkey_tenant() and g.credential_id = any(${[...credentialIds]}::uuid[])
    on conflict (tenant_id, credential_id) do update set last_used_at = excluded.last_used_at`.execute(tx);
}
