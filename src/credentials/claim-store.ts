// SQL of claiming: what is due, over all tenants, and arming it. Through the scheduler's door, which sees no token. It
// costs what is due and what is asked for, never what there is: both ways of looking are bounded, and the time is that of
// the statement, which is the same for all of its rows. (clock_timestamp() is not, so no index could be searched by it.)
import { sql } from 'kysely';
import type { CredentialId, TenantId } from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';

export type DueGrant = {
  readonly tenantId: TenantId;
  readonly credentialId: CredentialId;
  readonly providerKey: string;
};

// The partial indexes of due grants have the same condition.
const isClaimable = sql`g.state in ('active', 'degraded') and g.refresh_due_at is not null and g.attempt_id is null`;
const dueColumns = sql`g.tenant_id as "tenantId", g.credential_id as "credentialId", g.provider_key as "providerKey"`;

/** The most urgent, earliest first. */
export async function selectDueGrants(tx: Tx, limit: number): Promise<readonly DueGrant[]> {
  const found = await sql<DueGrant>`
    select ${dueColumns} from oauth_grant g
    where ${isClaimable} and g.refresh_due_at <= statement_timestamp()
    order by g.refresh_due_at limit ${limit}`.execute(tx);
  return found.rows;
}

/** One provider's grants of one tenant. */
export type Lane = { readonly providerKey: string; readonly tenantId: string };

export const firstLane: Lane = { providerKey: '', tenantId: '00000000-0000-0000-0000-000000000000' };

/**
 * Some of what is due in each of the next lanes after `from`, where one lane's backlog hides the others from
 * `selectDueGrants`. Jumps from lane to lane in the index. `last` is null when the lanes are at an end.
 */
export async function selectDueByLane(
  tx: Tx,
  from: Lane,
  limits: { readonly lanes: number; readonly perLane: number },
): Promise<{ readonly due: readonly DueGrant[]; readonly last: Lane | null }> {
  const walked = await sql<Lane>`
    with recursive walk (provider_key, tenant_id, step) as (
      (select g.provider_key, g.tenant_id, 1 from oauth_grant g
       where ${isClaimable} and (g.provider_key, g.tenant_id) > (${from.providerKey}, ${from.tenantId}::uuid)
       order by g.provider_key, g.tenant_id limit 1)
      union all
      select n.provider_key, n.tenant_id, walk.step + 1 from walk, lateral (
        select g.provider_key, g.tenant_id from oauth_grant g
        where ${isClaimable} and (g.provider_key, g.tenant_id) > (walk.provider_key, walk.tenant_id)
        order by g.provider_key, g.tenant_id limit 1) n
      where walk.step < ${limits.lanes})
    select provider_key as "providerKey", tenant_id as "tenantId" from walk order by step`.execute(tx);
  const lanes = walked.rows;
  const found = await sql<DueGrant>`
    select d.* from unnest(${lanes.map((lane) => lane.providerKey)}::text[], ${lanes.map((lane) => lane.tenantId)}::uuid[])
        as lane (provider_key, tenant_id),
      lateral (
        select ${dueColumns} from oauth_grant g
        where ${isClaimable} and g.provider_key = lane.provider_key and g.tenant_id = lane.tenant_id
          and g.refresh_due_at <= statement_timestamp()
        order by g.refresh_due_at limit ${limits.perLane}) d`.execute(tx);
  return { due: found.rows, last: lanes.length < limits.lanes ? null : (lanes.at(-1) ?? null) };
}

export type ClaimedGrant = DueGrant & { readonly attemptId: string };

/** Arms those that are still due and free. What is armed by the time of the commit may be sent. */
export async function armDueGrants(
  tx: Tx,
  chosen: readonly DueGrant[],
  attempt: { readonly processId: string; readonly deadlineSeconds: number },
): Promise<readonly ClaimedGrant[]> {
  const armed = await sql<ClaimedGrant>`
    with due as (
      select g.tenant_id, g.credential_id from oauth_grant g
      join unnest(${chosen.map((one) => one.tenantId)}::uuid[], ${chosen.map((one) => one.credentialId)}::uuid[])
        as chosen (tenant_id, credential_id) using (tenant_id, credential_id)
      where ${isClaimable} and g.refresh_due_at <= statement_timestamp()
      for update of g skip locked)
    update oauth_grant g set attempt_id = gen_random_uuid(), attempt_owner = ${attempt.processId},
      attempt_deadline = clock_timestamp() + make_interval(secs => ${attempt.deadlineSeconds})
    from due where g.tenant_id = due.tenant_id and g.credential_id = due.credential_id
    returning ${dueColumns}, g.attempt_id as "attemptId"`.execute(tx);
  return armed.rows;
}
