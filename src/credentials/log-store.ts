// The log that people read beside a connection or a credential: consent, refreshes, errors, in words without secrets.
import { sql } from 'kysely';
import type { ConnectionId, CredentialId, ExecutionId } from '../kernel/ids.ts';
import type { Page, PageRequest } from '../kernel/page.ts';
import type { Tx } from '../storage/doors.ts';

export type ConnectionLogEntry = {
  readonly id: number;
  readonly connectionId: ConnectionId | null;
  readonly credentialId: CredentialId | null;
  readonly executionId: ExecutionId | null;
  readonly severity: 'info' | 'warn' | 'error';
  /** Stable, for machines: consent_completed, refresh_failed, connection_error ... */
  readonly code: string;
  readonly message: string;
  readonly at: Date;
};

export type NewConnectionLogEntry = {
  readonly connectionId?: ConnectionId | null;
  readonly credentialId?: CredentialId | null;
  readonly executionId?: ExecutionId | null;
  readonly severity: 'info' | 'warn' | 'error';
  readonly code: string;
  readonly message: string;
};

/** Words of strangers as one line: no NUL for the database, no line breaks or direction marks for whoever reads. */
export function oneLine(text: string): string {
  return text
    .slice(0, 2_000)
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim();
}

export async function writeConnectionLog(tx: Tx, entry: NewConnectionLogEntry): Promise<void> {
  await sql`
    insert into connection_log (tenant_id, connection_id, credential_id, execution_id, severity, code, message)
    values (latchkey_tenant(), ${entry.connectionId ?? null}, ${entry.credentialId ?? null}, ${entry.executionId ?? null},
            ${entry.severity}, ${entry.code}, ${oneLine(entry.message)})`.execute(tx);
}

/** Newest first: entries of the connection, and of the credential behind it. */
export async function readConnectionLog(
  tx: Tx,
  of: { readonly connectionId: ConnectionId | null; readonly credentialId: CredentialId | null },
  page: PageRequest,
): Promise<Page<ConnectionLogEntry>> {
  const matching = sql`
    from connection_log l where l.tenant_id = latchkey_tenant()
      and (l.connection_id = ${of.connectionId}::uuid or (l.connection_id is null and l.credential_id = ${of.credentialId}::uuid))`;
  const counted = await sql<{ total: number }>`select count(*) as total ${matching}`.execute(tx);
  const found = await sql<ConnectionLogEntry>`
    select l.id, l.connection_id as "connectionId", l.credential_id as "credentialId", l.execution_id as "executionId",
      l.severity, l.code, l.message, l.at
    ${matching} order by l.id desc limit ${page.limit} offset ${page.offset}`.execute(tx);
  return { items: found.rows, totalCount: counted.rows[0]?.total ?? 0, offset: page.offset };
}
