// SQL of registrations and the callback contexts that they own.
import { sql } from 'kysely';
import type { Id, TenantId } from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';

export type RegistrationId = Id<'Registration'>;

export type Registration = {
  readonly tenantId: TenantId;
  readonly id: RegistrationId;
  /** The last part of the redirect URI: 128 random bits. */
  readonly context: string;
  readonly clientId: string;
  readonly authorizeUrl: string;
  readonly tokenUrl: string;
  readonly refreshUrl: string | null;
  readonly revokeUrl: string | null;
  readonly clientAuth: 'basic' | 'basic_raw' | 'post' | 'none';
};

export type RegistrationIdentity = Omit<Registration, 'tenantId' | 'id' | 'context'>;

const columns = sql`
  r.tenant_id as "tenantId", r.id, r.context, r.client_id as "clientId", r.authorize_url as "authorizeUrl",
  r.token_url as "tokenUrl", r.refresh_url as "refreshUrl", r.revoke_url as "revokeUrl", r.client_auth as "clientAuth"`;

export async function insertContext(tx: Tx, context: string): Promise<void> {
  await sql`insert into callback_context (tenant_id, context) values (latchkey_tenant(), ${context})`.execute(
    tx,
  );
}

/** True when the context was reserved and belongs to no registration yet. */
export async function isContextFree(tx: Tx, context: string): Promise<boolean> {
  const found = await sql<{ free: boolean }>`
    select exists (select 1 from callback_context c where c.tenant_id = latchkey_tenant() and c.context = ${context})
       and not exists (select 1 from registration r where r.tenant_id = latchkey_tenant() and r.context = ${context}) as free`.execute(
    tx,
  );
  return found.rows[0]?.free ?? false;
}

/** Does nothing when the same identity is registered already: registrations are shared within a tenant. */
export async function insertRegistration(
  tx: Tx,
  id: RegistrationId,
  context: string,
  identity: RegistrationIdentity,
): Promise<void> {
  await sql`
    insert into registration (tenant_id, id, context, client_id, authorize_url, token_url, refresh_url, revoke_url, client_auth)
    values (latchkey_tenant(), ${id}, ${context}, ${identity.clientId}, ${identity.authorizeUrl}, ${identity.tokenUrl},
            ${identity.refreshUrl}, ${identity.revokeUrl}, ${identity.clientAuth})
    on conflict (tenant_id, client_id, authorize_url, token_url, refresh_url, revoke_url, client_auth) do nothing`.execute(
    tx,
  );
}

export async function selectRegistrationByIdentity(
  tx: Tx,
  identity: RegistrationIdentity,
): Promise<Registration | null> {
  const found = await sql<Registration>`
    select ${columns} from registration r
    where r.tenant_id = latchkey_tenant() and r.client_id = ${identity.clientId}
      and r.authorize_url = ${identity.authorizeUrl} and r.token_url = ${identity.tokenUrl}
      and r.refresh_url is not distinct from ${identity.refreshUrl}::text
      and r.revoke_url is not distinct from ${identity.revokeUrl}::text and r.client_auth = ${identity.clientAuth}`.execute(
    tx,
  );
  return found.rows[0] ?? null;
}

export async function selectRegistration(tx: Tx, id: RegistrationId): Promise<Registration | null> {
  return (await selectRegistrations(tx, [id]))[0] ?? null;
}

export async function selectRegistrations(
  tx: Tx,
  ids: readonly RegistrationId[],
): Promise<readonly Registration[]> {
  const found = await sql<Registration>`
    select ${columns} from registration r
    where r.tenant_id in (latchkey_tenant(), latchkey_platform()) and r.id = any(${[...ids]}::uuid[])`.execute(
    tx,
  );
  return found.rows;
}
