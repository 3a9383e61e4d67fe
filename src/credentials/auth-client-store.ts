// SQL of auth clients and their secrets.
import { sql } from 'kysely';
import type { AuthClientId, CredentialId, PrincipalId, TenantId, UnitId } from '../kernel/ids.ts';
import type { Page, PageRequest } from '../kernel/page.ts';
import { containsPattern } from '../storage/contains-pattern.ts';
import type { Tx } from '../storage/doors.ts';
import type { Sealed } from '../vault/sealed.ts';
import type { RegistrationId } from './registration-store.ts';

/** How the tokens of a client are kept, see `next-due.ts`. */
export const refreshModes = ['eager', 'when_used', 'keep_alive'] as const;
export type RefreshMode = (typeof refreshModes)[number];

export type AuthClientRow = {
  readonly tenantId: TenantId;
  readonly id: AuthClientId;
  readonly unitId: UnitId;
  readonly name: string;
  readonly type: string;
  readonly registrationId: RegistrationId | null;
  readonly hasValues: boolean;
  readonly valueNo: number;
  readonly authorizeParams: Readonly<Record<string, string>>;
  readonly scopes: string | null;
  readonly tokenExpiresInSeconds: number | null;
  readonly leadSeconds: number | null;
  readonly refreshMode: RefreshMode;
  readonly ownerCredentialId: CredentialId | null;
  readonly brokenSince: Date | null;
  readonly brokenReason: string | null;
  readonly probeAt: Date | null;
  readonly componentRefs: readonly string[];
  readonly createdBy: PrincipalId | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
};

const columns = sql`
  c.tenant_id as "tenantId", c.id, c.unit_id as "unitId", c.name, c.type, c.registration_id as "registrationId",
  c.values_sealed is not null as "hasValues", c.value_no as "valueNo", c.authorize_params as "authorizeParams", c.scopes,
  c.token_expires_in_seconds as "tokenExpiresInSeconds", c.lead_seconds as "leadSeconds",
  c.refresh_mode as "refreshMode",
  c.owner_credential_id as "ownerCredentialId", c.broken_since as "brokenSince", c.broken_reason as "brokenReason",
  c.probe_at as "probeAt", c.created_by as "createdBy", c.created_at as "createdAt", c.updated_at as "updatedAt",
  array(select component_ref from auth_client_component r
        where r.tenant_id = c.tenant_id and r.auth_client_id = c.id order by 1) as "componentRefs"`;

export type NewAuthClient = {
  readonly tenantId: TenantId;
  readonly id: AuthClientId;
  readonly unitId: UnitId;
  readonly name: string;
  readonly type: string;
  readonly registrationId: RegistrationId | null;
  readonly valuesSealed: Sealed | null;
  readonly authorizeParams: Readonly<Record<string, string>>;
  readonly scopes: string | null;
  readonly tokenExpiresInSeconds: number | null;
  readonly leadSeconds: number | null;
  readonly refreshMode: RefreshMode;
  readonly ownerCredentialId: CredentialId | null;
  readonly createdBy: PrincipalId | null;
};

export async function insertAuthClient(tx: Tx, client: NewAuthClient): Promise<void> {
  await sql`
    insert into auth_client (tenant_id, id, unit_id, name, type, registration_id, values_sealed, authorize_params, scopes,
      token_expires_in_seconds, lead_seconds, refresh_mode, owner_credential_id, created_by)
    values (${client.tenantId}, ${client.id}, ${client.unitId}, ${client.name}, ${client.type}, ${client.registrationId},
      ${client.valuesSealed}, ${JSON.stringify(client.authorizeParams)}::jsonb, ${client.scopes},
      ${client.tokenExpiresInSeconds}, ${client.leadSeconds}, ${client.refreshMode}, ${client.ownerCredentialId},
      ${client.createdBy})`.execute(tx);
}

export async function selectAuthClient(tx: Tx, id: AuthClientId): Promise<AuthClientRow | null> {
  return (await selectAuthClientsById(tx, [id]))[0] ?? null;
}

export async function selectAuthClientsById(
  tx: Tx,
  ids: readonly AuthClientId[],
): Promise<readonly AuthClientRow[]> {
  const found = await sql<AuthClientRow>`
    select ${columns} from auth_client c
    where c.tenant_id in (latchkey_tenant(), latchkey_platform()) and c.id = any(${[...ids]}::uuid[])`.execute(
    tx,
  );
  return found.rows;
}

/** Seen by whoever may see clients at its unit, above it, or beneath it (where it serves). */
function visibleWithin(units: readonly UnitId[]) {
  const within = sql`${[...units]}::uuid[]`;
  return sql`(c.tenant_id = latchkey_tenant() and exists (
    select 1 from unit here left join unit up on up.tenant_id = here.tenant_id and up.id = here.parent_id
    where here.tenant_id = latchkey_tenant()
      and ((here.id = c.unit_id and (here.id = any(${within}) or up.id = any(${within}) or up.parent_id = any(${within})))
        or (here.id = any(${within}) and (up.id = c.unit_id or up.parent_id = c.unit_id)))))`;
}

/** Null also for inline clients: they are shown as fields of their credential only. */
export async function selectVisibleAuthClient(
  tx: Tx,
  id: AuthClientId,
  within: readonly UnitId[],
): Promise<AuthClientRow | null> {
  const found = await sql<AuthClientRow>`
    select ${columns} from auth_client c
    where c.id = ${id} and c.owner_credential_id is null
      and (c.tenant_id = latchkey_platform() or ${visibleWithin(within)})`.execute(tx);
  return found.rows[0] ?? null;
}

export async function selectAuthClients(
  tx: Tx,
  filter: {
    /** Units at which clients may be seen: theirs, those beneath, and those above. */
    readonly within: readonly UnitId[];
    /** Of exactly these units; null = of all that may be seen. The platform's too when `includePlatform`. */
    readonly unitIds: readonly UnitId[] | null;
    readonly includePlatform: boolean;
    readonly componentRef: string | null;
    readonly search: string | null;
    readonly page: PageRequest;
  },
): Promise<Page<AuthClientRow>> {
  const pattern = containsPattern(filter.search);
  const unitIds = filter.unitIds === null ? null : [...filter.unitIds];
  const matching = sql`
    from auth_client c
    where c.owner_credential_id is null
      and ((${visibleWithin(filter.within)}
          and (${unitIds}::uuid[] is null or c.unit_id = any(${unitIds}::uuid[])))
        or (${filter.includePlatform} and c.tenant_id = latchkey_platform()))
      and (${pattern}::text is null or c.name ilike ${pattern}::text)
      and (${filter.componentRef}::text is null or exists (select 1 from auth_client_component r
        where r.tenant_id = c.tenant_id and r.auth_client_id = c.id and r.component_ref = ${filter.componentRef}::text))`;
  const counted = await sql<{ total: number }>`select count(*) as total ${matching}`.execute(tx);
  const found = await sql<AuthClientRow>`
    select ${columns} ${matching} order by c.created_at, c.id limit ${filter.page.limit} offset ${filter.page.offset}`.execute(
    tx,
  );
  return { items: found.rows, totalCount: counted.rows[0]?.total ?? 0, offset: filter.page.offset };
}

export type AuthClientChange = {
  readonly name?: string;
  readonly registrationId?: RegistrationId;
  readonly authorizeParams?: Readonly<Record<string, string>>;
  readonly scopes?: string | null;
  readonly tokenExpiresInSeconds?: number | null;
  readonly leadSeconds?: number | null;
  readonly refreshMode?: RefreshMode;
  readonly values?: { readonly sealed: Sealed; readonly valueNo: number };
};

export async function updateAuthClientRow(tx: Tx, id: AuthClientId, change: AuthClientChange): Promise<void> {
  const set = [
    sql`updated_at = clock_timestamp()`,
    ...(change.name === undefined ? [] : [sql`name = ${change.name}`]),
    ...(change.registrationId === undefined ? [] : [sql`registration_id = ${change.registrationId}`]),
    ...(change.authorizeParams === undefined
      ? []
      : [sql`authorize_params = ${JSON.stringify(change.authorizeParams)}::jsonb`]),
    ...(change.scopes === undefined ? [] : [sql`scopes = ${change.scopes}`]),
    ...(change.tokenExpiresInSeconds === undefined
      ? []
      : [sql`token_expires_in_seconds = ${change.tokenExpiresInSeconds}`]),
    ...(change.leadSeconds === undefined ? [] : [sql`lead_seconds = ${change.leadSeconds}`]),
    ...(change.refreshMode === undefined ? [] : [sql`refresh_mode = ${change.refreshMode}`]),
    ...(change.values === undefined
      ? []
      : [sql`values_sealed = ${change.values.sealed}`, sql`value_no = ${change.values.valueNo}`]),
  ];
  await sql`update auth_client set ${sql.join(set)} where tenant_id = latchkey_tenant() and id = ${id}`.execute(
    tx,
  );
}

export async function deleteAuthClientRow(tx: Tx, id: AuthClientId): Promise<void> {
  await sql`delete from auth_client where tenant_id = latchkey_tenant() and id = ${id}`.execute(tx);
}

/** Locks the client, so that nothing new can be attached while its deletion is decided. */
export async function lockAuthClient(tx: Tx, id: AuthClientId): Promise<void> {
  await sql`select 1 from auth_client where tenant_id = latchkey_tenant() and id = ${id} for update`.execute(
    tx,
  );
}

export type ClientUses = { readonly credentials: number; readonly templates: number };

export async function countUsesOfClient(tx: Tx, id: AuthClientId): Promise<ClientUses> {
  const found = await sql<ClientUses>`
    select
      (select count(*) from credential where tenant_id = latchkey_tenant() and auth_client_id = ${id}) as credentials,
      (select count(*) from template where tenant_id = latchkey_tenant() and auth_client_id = ${id}) as templates`.execute(
    tx,
  );
  return found.rows[0] ?? { credentials: 0, templates: 0 };
}

export async function selectValuesSealed(tx: Tx, client: AuthClientRow): Promise<Sealed | null> {
  const found = await sql<{ sealed: Sealed | null }>`
    select values_sealed as sealed from auth_client where tenant_id = ${client.tenantId} and id = ${client.id}`.execute(
    tx,
  );
  return found.rows[0]?.sealed ?? null;
}

export async function replaceComponentRefs(tx: Tx, id: AuthClientId, refs: readonly string[]): Promise<void> {
  await sql`
    with gone as (
      delete from auth_client_component where tenant_id = latchkey_tenant() and auth_client_id = ${id}
        and component_ref <> all(${[...refs]}::text[]))
    insert into auth_client_component (tenant_id, auth_client_id, component_ref)
    select latchkey_tenant(), ${id}, unnest(${[...refs]}::text[]) on conflict do nothing`.execute(tx);
}

export type SecretRow = {
  readonly tenantId: TenantId;
  readonly clientId: AuthClientId;
  readonly id: string;
  readonly no: number;
  readonly sealed: Sealed;
};

/** Of each client the newest first: the order in which they are tried. */
export async function selectActiveSecrets(
  tx: Tx,
  clients: readonly Pick<AuthClientRow, 'tenantId' | 'id'>[],
): Promise<readonly SecretRow[]> {
  const found = await sql<SecretRow>`
    select s.tenant_id as "tenantId", s.auth_client_id as "clientId", s.id, s.no, s.sealed from auth_client_secret s
    join unnest(${clients.map((client) => client.tenantId)}::uuid[], ${clients.map((client) => client.id)}::uuid[])
      as wanted (tenant_id, id) on wanted.tenant_id = s.tenant_id and wanted.id = s.auth_client_id
    where s.state = 'active' and (s.expires_at is null or s.expires_at > clock_timestamp())
    order by s.no desc`.execute(tx);
  return found.rows;
}

export async function nextSecretNo(tx: Tx, clientId: AuthClientId): Promise<number> {
  const found = await sql<{ no: number }>`
    select coalesce(max(no), 0) + 1 as no from auth_client_secret
    where tenant_id = latchkey_tenant() and auth_client_id = ${clientId}`.execute(tx);
  return found.rows[0]?.no ?? 1;
}

export async function insertSecret(
  tx: Tx,
  secret: {
    readonly tenantId: TenantId;
    readonly id: string;
    readonly clientId: AuthClientId;
    readonly no: number;
    readonly sealed: Sealed;
  },
): Promise<void> {
  await sql`
    insert into auth_client_secret (tenant_id, id, auth_client_id, no, sealed, state)
    values (${secret.tenantId}, ${secret.id}, ${secret.clientId}, ${secret.no}, ${secret.sealed}, 'active')`.execute(
    tx,
  );
}

/** Older secrets get an end; those whose end has come are deleted. */
export async function retireSecretsBefore(
  tx: Tx,
  clientId: AuthClientId,
  of: { readonly no: number; readonly keepHours: number },
): Promise<void> {
  await sql`
    with gone as (
      delete from auth_client_secret where tenant_id = latchkey_tenant() and auth_client_id = ${clientId}
        and no < ${of.no} and expires_at <= clock_timestamp())
    update auth_client_secret
    set expires_at = least(expires_at, clock_timestamp() + make_interval(hours => ${of.keepHours}))
    where tenant_id = latchkey_tenant() and auth_client_id = ${clientId} and no < ${of.no}
      and (expires_at is null or expires_at > clock_timestamp())`.execute(tx);
}

/** Inline clients of a credential that neither it nor its grant refers to any more. */
export async function deleteFormerClients(tx: Tx, credentialId: CredentialId): Promise<void> {
  await sql`
    delete from auth_client a using credential c left join oauth_grant g
      on g.tenant_id = c.tenant_id and g.credential_id = c.id
    where c.tenant_id = latchkey_tenant() and c.id = ${credentialId}
      and a.tenant_id = c.tenant_id and a.owner_credential_id = c.id
      and a.id is distinct from c.auth_client_id and (a.id is distinct from g.minted_by or g.ct is null)`.execute(
    tx,
  );
}

/** The breaker of invalid_client: one mistyped secret must not demand a new consent of everybody. */
export async function tripAuthClientRow(
  tx: Tx,
  id: AuthClientId,
  trip: { readonly reason: string; readonly probeAfterSeconds: number },
): Promise<boolean> {
  const tripped = await sql<{ isNew: boolean }>`
    update auth_client c set broken_since = coalesce(c.broken_since, clock_timestamp()), broken_reason = ${trip.reason},
      probe_at = clock_timestamp() + make_interval(secs => ${trip.probeAfterSeconds})
    from (select tenant_id, id, broken_since from auth_client
      where tenant_id = latchkey_tenant() and id = ${id} for update) before
    where c.tenant_id = before.tenant_id and c.id = before.id
    returning before.broken_since is null as "isNew"`.execute(tx);
  return tripped.rows[0]?.isNew ?? false;
}

/** Takes the right to the one probe that is due, and puts the next one off. */
export async function claimProbe(tx: Tx, id: AuthClientId, probeAfterSeconds: number): Promise<boolean> {
  const claimed = await sql`
    update auth_client set probe_at = clock_timestamp() + make_interval(secs => ${probeAfterSeconds})
    where tenant_id = latchkey_tenant() and id = ${id} and probe_at <= clock_timestamp()`.execute(tx);
  return claimed.numAffectedRows === 1n;
}

/** False when it was not broken. */
export async function mendAuthClientRow(tx: Tx, id: AuthClientId): Promise<boolean> {
  const mended = await sql`
    update auth_client set broken_since = null, broken_reason = null, probe_at = null
    where tenant_id = latchkey_tenant() and id = ${id} and broken_since is not null`.execute(tx);
  return mended.numAffectedRows === 1n;
}
