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

const noFields = 'null';
/** In the same statement, so that they are of the same moment: each statement of a transaction sees what is committed by then. */
const allFields = `(select json_agg(json_build_array(v.field_key, v.value_no, v.sealed)) from credential_value v
    where v.tenant_id = c.tenant_id and v.credential_id = c.id)`;

const statement = (match: Match, fields: string) => `
  select c.id, c.unit_id, c.label, c.type_key, c.oauth_kind, c.auth_client_tenant_id, c.auth_client_id, c.client_type,
    c.authorize_params, c.reported_error, c.created_by, g.state, g.consent_no, g.token_no, g.issued_at, g.expires_at,
    g.refresh_due_at, g.attempt_id is not null, g.fail_count, g.last_error_code, g.last_error, clock_timestamp(), g.ct,
    c.last_value_no, ${fields}
  from credential c
  left join oauth_grant g on g.tenant_id = c.tenant_id and g.credential_id = c.id
  where c.tenant_id = latchkey_tenant() and c.id ${matches[match]}`;

const statements = { one: prepare('one'), many: prepare('many') };

function prepare(match: Match) {
  return {
    bare: { name: `read_${match}`, text: statement(match, noFields) },
    withFields: { name: `read_${match}_with_fields`, text: statement(match, allFields) },
  } as const;
}

/** Where a row has the number of the last field that was set; 0 when none ever was. */
const lastValueNoAt = 23;

/** Those of the ids that the tenant has. */
export type ReadCredentials = (
  tenant: TenantId,
  ids: readonly CredentialId[],
) => Promise<ReadonlyMap<string, StoredCredential>>;

/** Some 10 MB. */
const maxRemembered = 100_000;

/**
 * Most OAuth credentials have no fields beside their tokens, and looking for none costs an eighth of a read: fields are asked for
 * where there were some before. Where some turn up, everything is read once more.
 */
export function createReadCredentials(doors: Pick<Doors, 'read'>): ReadCredentials {
  const withFields = new Set<string>();

  async function read(tenant: TenantId, ids: readonly CredentialId[], kind: 'bare' | 'withFields') {
    const [only] = ids;
    const isOne = ids.length === 1 && only !== undefined;
    const { name, text } = statements[isOne ? 'one' : 'many'][kind];
    // UUIDs need no quotes in an array.
    const [rows = []] = await doors.read(tenant, [
      { name, text, values: [isOne ? only : `{${ids.join(',')}}`] },
    ]);
    return rows;
  }

  function remember(rows: readonly TextRow[]): boolean {
    let isAny = false;
    for (const row of rows) {
      if (row[lastValueNoAt] === '0') continue;
      isAny = true;
      if (withFields.size >= maxRemembered) withFields.clear();
      withFields.add(given(row[0]));
    }
    return isAny;
  }

  return async (tenant, ids) => {
    const asksForFields = ids.some((id) => withFields.has(id));
    const rows = await read(tenant, ids, asksForFields ? 'withFields' : 'bare');
    const isComplete = !remember(rows) || asksForFields;
    return toCredentials(isComplete ? rows : await read(tenant, ids, 'withFields'));
  };
}

function toCredentials(rows: readonly TextRow[]): ReadonlyMap<string, StoredCredential> {
  const found = new Map<string, StoredCredential>();
  for (const row of rows) found.set(given(row[0]), toCredential(row));
  return found;
}

function toCredential(row: TextRow): StoredCredential {
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
    values: toValues(row[lastValueNoAt + 1]),
  };
}

function toValues(text: string | null | undefined): readonly StoredValue[] {
  if (text == null) return [];
  const listed = JSON.parse(text) as readonly (readonly [field: string, valueNo: number, sealed: string])[];
  return listed.map(([field, valueNo, sealed]) => ({ field, valueNo, sealed: toSealed(sealed) }));
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
