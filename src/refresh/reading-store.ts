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
  readonly id: CredentialId;
  /** Whether it ever had any. */
  readonly hasFields: boolean;
  readonly grant: (GrantFacts & { readonly sealed: Sealed | null }) | null;
  readonly values: readonly StoredValue[];
};

type StoredValue = { readonly field: string; readonly valueNo: number; readonly sealed: Sealed };

/** One id, or many as an array: looking one up in an array costs the database a fifth more. */
const matches = { one: '= $1', many: '= any ($1)' } as const;
type Match = keyof typeof matches;

/** A grant with what it carries of its credential, both as lists: each column more would cost a twentieth. */
const grantStatement = (match: Match) => `
  select g.credential_facts, g.grant_facts, g.ct
  from oauth_grant g
  where g.tenant_id = latchkey_tenant() and g.credential_id ${matches[match]}`;

/** Fields in the same statement, so that they are of the same moment: each statement sees what is committed by then. */
const wholeStatement = (match: Match) => `
  select latchkey_credential_facts(c), g.grant_facts, g.ct,
    (select json_agg(json_build_array(v.field_key, v.value_no, v.sealed)) from credential_value v
      where v.tenant_id = c.tenant_id and v.credential_id = c.id),
    g.attempt_id is not null, g.fail_count, g.last_error_code, g.last_error, g.refresh_due_at, clock_timestamp()
  from credential c
  left join oauth_grant g on g.tenant_id = c.tenant_id and g.credential_id = c.id
  where c.tenant_id = latchkey_tenant() and c.id ${matches[match]}`;

const statements = {
  grant: {
    one: { name: 'read_grant', text: grantStatement('one') },
    many: { name: 'read_grants', text: grantStatement('many') },
  },
  whole: {
    one: { name: 'read_whole', text: wholeStatement('one') },
    many: { name: 'read_wholes', text: wholeStatement('many') },
  },
} as const;

/** Those of the ids, which are different ones, that the tenant has, in any order. */
export type ReadCredentials = (
  tenant: TenantId,
  ids: readonly CredentialId[],
) => Promise<readonly StoredCredential[]>;

/** Some 10 MB. */
const maxRemembered = 100_000;

/**
 * Most of what is read are tokens in good health, and all about them stands in one row, the grant's. A credential that has no
 * grant, or fields of its own, or a grant in trouble, is read whole, which costs twice as much; which ones are so is
 * remembered, and found out again where nobody knows.
 */
export function createReadCredentials(doors: Pick<Doors, 'read'>): ReadCredentials {
  const moreThanTokens = new Set<CredentialId>();

  async function read(tenant: TenantId, ids: readonly CredentialId[], kind: keyof typeof statements) {
    const [only] = ids;
    const isOne = ids.length === 1 && only !== undefined;
    const { name, text } = statements[kind][isOne ? 'one' : 'many'];
    // UUIDs need no quotes in an array.
    const [rows = []] = await doors.read(tenant, [
      { name, text, values: [isOne ? only : `{${ids.join(',')}}`] },
    ]);
    return rows;
  }

  function remember({ id, hasFields, grant }: StoredCredential): void {
    if (grant !== null && !hasFields && !isTroubled(grant)) {
      moreThanTokens.delete(id);
      return;
    }
    if (moreThanTokens.size >= maxRemembered) moreThanTokens.clear();
    moreThanTokens.add(id);
  }

  return async (tenant, ids) => {
    if (!ids.some((id) => moreThanTokens.has(id))) {
      const found = (await read(tenant, ids, 'grant')).map(toTokensAlone);
      if (found.length === ids.length && found.every((one) => one !== null)) return found;
    }
    const found = (await read(tenant, ids, 'whole')).map(toWhole);
    for (const one of found) remember(one);
    return found;
  };
}

/** What `latchkey_credential_facts` lists (migration 0014). The tables hold which of it may be null. */
type ListedFacts = readonly [
  id: CredentialId,
  unitId: UnitId,
  label: string | null,
  typeKey: string,
  oauthKind: CredentialFacts['oauthKind'],
  clientTenantId: TenantId | null,
  clientId: AuthClientId | null,
  clientType: string | null,
  authorizeParams: Readonly<Record<string, string>>,
  reportedError: string | null,
  createdBy: PrincipalId | null,
  hasFields: boolean,
];

/** What `oauth_grant.grant_facts` lists (migration 0016). Times are milliseconds since 1970. */
type ListedGrant = readonly [
  state: GrantState,
  consentNo: number,
  tokenNo: number,
  issuedAtMs: number | null,
  expiresAtMs: number | null,
  isRenewable: boolean,
  isTroubled: boolean,
];

/** What there is to tell of a grant only when something is under way, or went wrong. */
type Trouble = Pick<GrantFacts, 'isArmed' | 'hasFailed' | 'lastErrorCode' | 'lastError' | 'retryInMs'>;

const noTrouble: Trouble = {
  isArmed: false,
  hasFailed: false,
  lastErrorCode: null,
  lastError: null,
  retryInMs: null,
};

function isTroubled({ isArmed, hasFailed, lastErrorCode, lastError }: Trouble): boolean {
  return isArmed || hasFailed || lastErrorCode !== null || lastError !== null;
}

/** Null for what has to be read whole. */
function toTokensAlone([listed, listedGrant, sealed]: TextRow): StoredCredential | null {
  const facts = JSON.parse(given(listed)) as ListedFacts;
  const grant = JSON.parse(given(listedGrant)) as ListedGrant;
  const [, , , , , , , , , , , hasFields] = facts;
  const [, , , , , , hasTrouble] = grant;
  return hasFields || hasTrouble ? null : toCredential(facts, toGrant(grant, sealed, noTrouble), []);
}

function toWhole(row: TextRow): StoredCredential {
  // Column by column, as the statement names them.
  const [listed, listedGrant, sealed, values, armed, failCount, code, error, dueAt, now] = row;
  const facts = JSON.parse(given(listed)) as ListedFacts;
  if (listedGrant == null) return toCredential(facts, null, toValues(values));
  const trouble = {
    isArmed: armed === 't',
    hasFailed: failCount !== '0',
    lastErrorCode: code ?? null,
    lastError: error ?? null,
  };
  const retryInMs =
    dueAt != null && isTroubled({ ...trouble, retryInMs: null }) ? msBetween(given(now), dueAt) : null;
  const grant = toGrant(JSON.parse(listedGrant) as ListedGrant, sealed, { ...trouble, retryInMs });
  return toCredential(facts, grant, toValues(values));
}

function toCredential(
  facts: ListedFacts,
  grant: StoredCredential['grant'],
  values: StoredCredential['values'],
): StoredCredential {
  const [id, unitId, label, typeKey, oauthKind, clientTenantId, clientId] = facts;
  return {
    id,
    unitId,
    label,
    // The table holds this by a CHECK.
    kind: label === null ? 'owned' : 'named',
    typeKey,
    oauthKind,
    authClient:
      clientTenantId === null || clientId === null ? null : { tenantId: clientTenantId, id: clientId },
    clientType: facts[7],
    authorizeParams: facts[8],
    reportedError: facts[9],
    createdBy: facts[10],
    hasFields: facts[11],
    grant,
    values,
  };
}

function toValues(text: string | null | undefined): readonly StoredValue[] {
  if (text == null) return [];
  const listed = JSON.parse(text) as readonly (readonly [field: string, valueNo: number, sealed: string])[];
  return listed.map(([field, valueNo, sealed]) => ({ field, valueNo, sealed: toSealed(sealed) }));
}

function toGrant(
  listed: ListedGrant,
  sealed: string | null | undefined,
  trouble: Trouble,
): NonNullable<StoredCredential['grant']> {
  const [state, consentNo, tokenNo, issuedAtMs, expiresAtMs, isRenewable] = listed;
  return {
    state,
    consentNo,
    tokenNo,
    issuedAt: toDate(issuedAtMs),
    expiresAt: toDate(expiresAtMs),
    isRenewable,
    isArmed: trouble.isArmed,
    hasFailed: trouble.hasFailed,
    lastErrorCode: trouble.lastErrorCode,
    lastError: trouble.lastError,
    retryInMs: trouble.retryInMs,
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

function toDate(ms: number | null): Date | null {
  return ms === null ? null : new Date(ms);
}

/** Sessions keep UTC and ISO dates: 2026-01-31 12:00:00.123456+00. */
function msBetween(from: string, to: string): number {
  const msOf = (text: string): number => Date.parse(`${text.slice(0, 10)}T${text.slice(11, -3)}Z`);
  return msOf(to) - msOf(from);
}

/** Written again only when this has passed: after a restart, or by the next process, most of it was written just now. */
const noteAfter = '5 minutes';

/** One statement for all uses of a tenant since the last flush. */
export async function noteUses(tx: Tx, credentialIds: readonly CredentialId[]): Promise<void> {
  await sql`
    insert into grant_use (tenant_id, credential_id, last_used_at)
    select g.tenant_id, g.credential_id, clock_timestamp() from oauth_grant g
    where g.tenant_id = latchkey_tenant() and g.credential_id = any(${[...credentialIds]}::uuid[])
      and not exists (
        select from grant_use u where u.tenant_id = g.tenant_id and u.credential_id = g.credential_id
          and u.last_used_at > clock_timestamp() - ${noteAfter}::interval)
    on conflict (tenant_id, credential_id) do update set last_used_at = excluded.last_used_at`.execute(tx);
}
