// SQL of what explains a grant beyond its own row.
import { sql } from 'kysely';
import type { AuthClientId, CredentialId } from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';

export type Surroundings = {
  readonly unitName: string;
  readonly lastUsedAt: Date | null;
  /** Null when nothing is under way. */
  readonly isOwnerAlive: boolean | null;
  readonly pausedUntil: Date | null;
  /** The provider waits for an operator. */
  readonly isIncident: boolean;
};

export async function selectSurroundings(
  tx: Tx,
  credentialId: CredentialId,
  { deadAfterSeconds }: { readonly deadAfterSeconds: number },
): Promise<Surroundings> {
  const found = await sql<Surroundings>`
    select u.name as "unitName", use.last_used_at as "lastUsedAt", pace.paused_until as "pausedUntil",
      coalesce(pace.is_incident, false) as "isIncident",
      case when g.attempt_id is not null then exists (select 1 from process p where p.id = g.attempt_owner
        and p.heartbeat_at > clock_timestamp() - make_interval(secs => ${deadAfterSeconds})) end as "isOwnerAlive"
    from credential c
    join unit u on u.tenant_id = c.tenant_id and u.id = c.unit_id
    left join oauth_grant g on g.tenant_id = c.tenant_id and g.credential_id = c.id
    left join grant_use use on use.tenant_id = c.tenant_id and use.credential_id = c.id
    left join lateral (
      select p.incident_at is not null as is_incident, case when paused.until > clock_timestamp() then paused.until end as paused_until
      from provider_gauge p, lateral (select greatest((p.gauge ->> 'throttledUntil')::timestamptz,
        (p.gauge ->> 'probeAt')::timestamptz) as until) paused
      where p.provider_key = g.provider_key) pace on true
    where c.tenant_id = latchkey_tenant() and c.id = ${credentialId}`.execute(tx);
  return (
    found.rows[0] ?? {
      unitName: '',
      lastUsedAt: null,
      isOwnerAlive: null,
      pausedUntil: null,
      isIncident: false,
    }
  );
}

/** When secrets were added to the client after its first one; newest first. */
export async function selectSecretChanges(
  tx: Tx,
  clientId: AuthClientId,
  limit: number,
): Promise<readonly { readonly no: number; readonly at: Date }[]> {
  const found = await sql<{ no: number; at: Date }>`
    select no, created_at as at from auth_client_secret
    where tenant_id = latchkey_tenant() and auth_client_id = ${clientId} and no > 1
    order by no desc limit ${limit}`.execute(tx);
  return found.rows;
}
