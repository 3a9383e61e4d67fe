// SQL of seeding: connected credentials by the thousand, as the product's own statements would leave them one by one.
import { sql } from 'kysely';
import type { AuthClient } from '../src/credentials/auth-client.ts';
import type { ConnectionType } from '../src/credentials/connection-type.ts';
import type { CredentialId, UnitId } from '../src/kernel/ids.ts';
import type { Tx } from '../src/storage/doors.ts';
import type { Sealed } from '../src/vault/sealed.ts';

export type SeedCredentials = {
  readonly ids: readonly CredentialId[];
  readonly unitId: UnitId;
  readonly type: ConnectionType;
  readonly client: AuthClient;
};

export async function insertCredentials(
  tx: Tx,
  { ids, unitId, type, client }: SeedCredentials,
): Promise<void> {
  await sql`
    insert into credential (tenant_id, id, unit_id, kind, label, connection_type_tenant_id, connection_type_id,
      auth_client_tenant_id, auth_client_id)
    select latchkey_tenant(), id, ${unitId}::uuid, 'named', 'Secret ' || id, ${type.tenantId}::uuid, ${type.id}::uuid,
      ${client.tenantId}::uuid, ${client.id}::uuid
    from unnest(${[...ids]}::uuid[]) as given(id)`.execute(tx);
}

/** First tokens of a first consent, good for a day. */
export async function insertGrants(
  tx: Tx,
  { ids, client }: SeedCredentials,
  sealed: readonly Sealed[],
): Promise<void> {
  await sql`
    insert into oauth_grant (tenant_id, credential_id, registration_id, minted_by_tenant_id, minted_by, consent_no,
      token_no, state, ct, issued_at, expires_at, refresh_due_at, granted_scope)
    select latchkey_tenant(), id, ${client.registration?.id ?? null}::uuid, ${client.tenantId}::uuid, ${client.id}::uuid,
      1, 1, 'active', ct, clock_timestamp() - interval '1 minute', clock_timestamp() + interval '24 hours',
      clock_timestamp() + interval '23 hours', 'files.read'
    from unnest(${[...ids]}::uuid[], ${[...sealed]}::bytea[]) as given(id, ct)`.execute(tx);
  // As in an installation in use, where each grant's use is noted every few minutes: the first notes of all would be one a read.
  await sql`
    insert into grant_use (tenant_id, credential_id, last_used_at)
    select latchkey_tenant(), id, clock_timestamp() from unnest(${[...ids]}::uuid[]) as given(id)`.execute(
    tx,
  );
}

/** Tokens of a first consent that are due now and live a while longer. */
export async function insertDueGrants(
  tx: Tx,
  of: Pick<SeedCredentials, 'ids' | 'client'> & {
    readonly providerKey: string;
    readonly expiresInSeconds: number;
  },
  sealed: readonly Sealed[],
): Promise<void> {
  const { ids, client } = of;
  await sql`
    insert into oauth_grant (tenant_id, credential_id, registration_id, minted_by_tenant_id, minted_by, provider_key,
      consent_no, token_no, state, ct, issued_at, expires_at, refresh_due_at, granted_scope)
    select latchkey_tenant(), id, ${client.registration?.id ?? null}::uuid, ${client.tenantId}::uuid, ${client.id}::uuid,
      ${of.providerKey}, 1, 1, 'active', ct, clock_timestamp() - interval '40 minutes',
      clock_timestamp() + make_interval(secs => ${of.expiresInSeconds}),
      clock_timestamp() - random() * interval '1 minute', 'files.read'
    from unnest(${[...ids]}::uuid[], ${[...sealed]}::bytea[]) as given(id, ct)`.execute(tx);
}

/** Copies of one sleeping grant, so that a million are there within minutes; nothing reads their tokens. */
export async function multiplySleepers(tx: Tx, original: CredentialId, count: number): Promise<void> {
  await sql`
    with made as (
      insert into credential (tenant_id, id, unit_id, kind, label, connection_type_tenant_id, connection_type_id,
        auth_client_tenant_id, auth_client_id)
      select c.tenant_id, gen_random_uuid(), c.unit_id, c.kind, 'Sleeper ' || gen_random_uuid(), c.connection_type_tenant_id,
        c.connection_type_id, c.auth_client_tenant_id, c.auth_client_id
      from credential c, generate_series(1, ${count}) where c.tenant_id = latchkey_tenant() and c.id = ${original}
      returning tenant_id, id)
    insert into oauth_grant (tenant_id, credential_id, registration_id, minted_by_tenant_id, minted_by, provider_key,
      consent_no, token_no, state, ct, issued_at, expires_at, refresh_due_at, granted_scope)
    select made.tenant_id, made.id, g.registration_id, g.minted_by_tenant_id, g.minted_by, g.provider_key, 1, 1, 'active',
      g.ct, clock_timestamp(), clock_timestamp() + interval '24 hours',
      clock_timestamp() + interval '1 hour' + random() * interval '20 hours', 'files.read'
    from made, oauth_grant g where g.tenant_id = latchkey_tenant() and g.credential_id = ${original}`.execute(
    tx,
  );
}

/** Makes some of the sleeping due, for claims to find. */
export async function wakeSome(tx: Tx, count: number): Promise<void> {
  await sql`
    update oauth_grant g set refresh_due_at = clock_timestamp() - interval '1 second'
    from (select tenant_id, credential_id from oauth_grant
      where tenant_id = latchkey_tenant() and attempt_id is null and refresh_due_at > clock_timestamp()
      order by refresh_due_at desc limit ${count}) sleeper
    where g.tenant_id = sleeper.tenant_id and g.credential_id = sleeper.credential_id`.execute(tx);
}

/** The reference of a refresh: what nobody can do with less than two prepared updates. */
export const armStatement = `update bench_grant set attempt_id = gen_random_uuid(), armed_at = clock_timestamp() where id = $1`;
export const commitStatement = `update bench_grant set attempt_id = null, ct = $2, token_no = token_no + 1, due_at = clock_timestamp() + interval '45 minutes' where id = $1`;

export const referenceTable = `
  create table bench_grant (id uuid primary key, attempt_id uuid, armed_at timestamptz, ct bytea not null,
    token_no bigint not null default 1, due_at timestamptz not null) with (fillfactor = 70);
  create index bench_grant_due on bench_grant (due_at) where attempt_id is null;`;
