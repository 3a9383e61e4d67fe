// SQL of step tickets.
import { sql } from 'kysely';
import type { CredentialId, ExecutionId } from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';

export type TicketRow = {
  readonly executionId: ExecutionId;
  readonly stepName: string;
  readonly credentialIds: readonly CredentialId[];
};

export async function insertTicket(
  tx: Tx,
  ticket: TicketRow & { readonly id: string; readonly hash: Buffer; readonly livesForSeconds: number },
): Promise<void> {
  await sql`
    insert into step_ticket (tenant_id, id, hash, execution_id, step_name, credential_ids, expires_at)
    values (latchkey_tenant(), ${ticket.id}, ${ticket.hash}, ${ticket.executionId}, ${ticket.stepName},
      ${[...ticket.credentialIds]}::uuid[], clock_timestamp() + make_interval(secs => ${ticket.livesForSeconds}))`.execute(
    tx,
  );
}

/** Only while its step runs: ended, expired and orphaned tickets are no tickets. */
export async function selectLiveTicket(tx: Tx, hash: Buffer): Promise<TicketRow | null> {
  const found = await sql<TicketRow>`
    select t.execution_id as "executionId", t.step_name as "stepName", t.credential_ids as "credentialIds"
    from step_ticket t join execution e on e.tenant_id = t.tenant_id and e.id = t.execution_id
    where t.tenant_id = latchkey_tenant() and t.hash = ${hash} and t.ended_at is null
      and t.expires_at > clock_timestamp() and e.status = 'running'`.execute(tx);
  return found.rows[0] ?? null;
}

export async function endTickets(tx: Tx, executionId: ExecutionId): Promise<void> {
  await sql`
    update step_ticket set ended_at = clock_timestamp()
    where tenant_id = latchkey_tenant() and execution_id = ${executionId} and ended_at is null`.execute(tx);
}
