// SQL of reading: the prepared statements of token reads, and the batched note of use.
import { sql } from 'kysely';
import type { GrantState } from '../credentials/grant-store.ts';
import { Fault } from '../kernel/fault.ts';
import type { AuthClientId, CredentialId, PrincipalId, TenantId, UnitId } from '../kernel/ids.ts';
import type { Doors, Tx } from '../storage/doors.ts';
import type { PreparedStatement, TextRow } from '../storage/pipeline.ts';
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
  /** Until the next try is allowed or due; negative when past, null for a grant in good health. */
  readonly retryInMs: number | null;
};

export type StoredCredential = CredentialFacts & {
  readonly grant: (GrantFacts & { readonly sealed: Sealed | null }) | null;
  readonly values: readonly StoredValue[];
};

type StoredValue = { readonly field: string; readonly valueNo: number; readonly sealed: Sealed };

/** One id, or many as an array: looking one up in an array costs the database a fifth more. */
const matches = { one: '= $1', many: '= any ($1)' } as const;
type Match = keyof typeof matches;

const credentialsStatement = (match: Match) => `
  select c.id, c.unit_id, c.label, c.type_key, c.oauth_kind, c.auth_client_tenant_id, c.auth_client_id, c.client_type,
    c.authorize_params, c.reported_error, c.created_by, g.state, g.consent_no, g.token_no, g.issued_at, g.expires_at,
    g.refresh_due_at, g.attempt_id is not null, g.fail_count, g.last_error_code, g.last_error, clock_timestamp(), g.ct,
    c.last_value_no
  from credential c
  left join oauth_grant g on g.tenant_id = c.tenant_id and g.credential_id = c.id
  where c.tenant_id = latchkey_tenant() and c.id ${matches[match]}`;

const valuesStatement = (match: Match) => `
  select v.credential_id, v.field_key, v.value_no, v.sealed from credential_value v
  where v.tenant_id = latchkey_tenant() and v.credential_id ${matches[match]}`;

/** Where a row of the first statement has the number of the last field that was set; 0 when none ever was. */
const lastValueNoAt = 23;

const statements = {
  one: prepare('one'),
  many: prepare('many'),
};

function prepare(match: Match) {
  return {
    credentials: { name: `read_credentials_${match}`, text: credentialsStatement(match) },
    values: { name: `read_credential_values_${match}`, text: valuesStatement(match) },
  } as const;
}

/** Those of the ids that the tenant has. */
export type ReadCredentials = (
  tenant: TenantId,
  ids: readonly CredentialId[],
) => Promise<ReadonlyMap<string, StoredCredential>>;

/** Some 10 MB. */
const maxRemembered = 100_000;

/**
 * Most OAuth credentials have no fields beside their tokens, and asking for none costs a sixth of a read: fields are asked for
 * where there were some before. Where some turn up, everything is read once more, so that all of it is of one moment.
 */
export function createReadCredentials(doors: Pick<Doors, 'read'>): ReadCredentials {
  const withFields = new Set<string>();

  function read(tenant: TenantId, ids: readonly CredentialId[], asksForFields: boolean) {
    const [only] = ids;
    const isOne = ids.length === 1 && only !== undefined;
    const { credentials, values } = statements[isOne ? 'one' : 'many'];
    // UUIDs need no quotes in an array.
    const which = [isOne ? only : `{${ids.join(',')}}`];
    const asked: PreparedStatement[] = [{ name: credentials.name, text: credentials.text, values: which }];
    if (asksForFields) asked.push({ name: values.name, text: values.text, values: which });
    return doors.read(tenant, asked);
  }

  return async (tenant, ids) => {
    const asksForFields = ids.some((id) => withFields.has(id));
    const [rows = [], fields = []] = await read(tenant, ids, asksForFields);
    let hasFields = false;
    for (const row of rows) {
      if (row[lastValueNoAt] === '0') continue;
      hasFields = true;
      if (withFields.size >= maxRemembered) withFields.clear();
      withFields.add(given(row[0]));
    }
    if (asksForFields || !hasFields) return toCredentials(rows, fields);
    const [again = [], theirs = []] = await read(tenant, ids, true);
    return toCredentials(again, theirs);
  };
}

function toCredentials(
  rows: readonly TextRow[],
  fields: readonly TextRow[],
): ReadonlyMap<string, StoredCredential> {
  const found = new Map<string, StoredCredential & { readonly values: StoredValue[] }>();
  for (const row of rows) found.set(given(row[0]), toCredential(row));
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
  const [state, consentNo, tokenNo, issuedAt, expiresAt, dueAt, armed, failCount, code, error, now, sealed] =
    row.slice(11);
  if (state == null) return null;
  const isArmed = armed === 't';
  const hasFailed = failCount !== '0';
  const isTroubled = isArmed || hasFailed || code != null;
  return {
    state: state as GrantState,
    consentNo: Number(consentNo),
    tokenNo: Number(tokenNo),
    issuedAt: toDate(issuedAt),
    expiresAt: toDate(expiresAt),
    isRenewable: dueAt != null,
    isArmed,
    hasFailed,
    lastErrorCode: code ?? null,
    lastError: error ?? null,
    retryInMs: isTroubled && dueAt != null ? msBetween(now, dueAt) : null,
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

function msBetween(from: string | null | undefined, to: string): number {
  return (toDate(to)?.getTime() ?? 0) - (toDate(given(from))?.getTime() ?? 0);
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
