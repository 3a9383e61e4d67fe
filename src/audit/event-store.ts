// Statements on audit events. The role behind the tenants' door may add and read, not change.
import { sql } from 'kysely';
import type { Tx } from '../storage/doors.ts';

export type AuditRow = {
  readonly actor_kind: string;
  readonly actor_id: string | null;
  readonly actor_name: string | null;
  readonly action: string;
  readonly object_kind: string | null;
  readonly object_id: string | null;
  readonly result: string;
  readonly fields: readonly string[];
  readonly request_id: string | null;
  readonly detail: Readonly<Record<string, unknown>>;
};

/** One row as it enters the chain; `at` in UTC with microseconds, as text, so that nothing is rounded. */
export type ChainedRow = AuditRow & { readonly seq: number; readonly at: string };

/** The tenant is the transaction's own: it cannot be given wrongly. One statement for the rows and their queue. */
export async function insertAuditEvents(tx: Tx, rows: readonly AuditRow[]): Promise<void> {
  await sql`
    with added as (
      insert into audit_event (tenant_id, actor_kind, actor_id, actor_name, action, object_kind, object_id, result,
        fields, request_id, detail)
      select latchkey_tenant(), actor_kind, actor_id, actor_name, action, object_kind, object_id, result,
        fields, request_id, detail
      from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as r(actor_kind text, actor_id uuid, actor_name text,
        action text, object_kind text, object_id text, result text, fields text[], request_id text, detail jsonb)
      returning tenant_id, seq)
    insert into audit_unchained (tenant_id, seq) select tenant_id, seq from added`.execute(tx);
}

export type ObjectEvent = Pick<AuditRow, 'action' | 'object_kind' | 'result' | 'fields'> & {
  readonly at: Date;
};

/** The newest events about one thing of the tenant. */
export async function readEventsOf(
  tx: Tx,
  object: { readonly kind: 'credential' | 'auth_client'; readonly id: string },
  of: { readonly actions: readonly string[]; readonly limit: number },
): Promise<readonly ObjectEvent[]> {
  // The kinds are spelled out because the index is a partial one.
  const { rows } = await sql<ObjectEvent>`
    select action, object_kind, result, fields, at from audit_event
    where tenant_id = latchkey_tenant() and object_id = ${object.id}
      and object_kind in ('credential', 'auth_client') and object_kind = ${object.kind}
      and action = any(${[...of.actions]}::text[])
    order by seq desc limit ${of.limit}`.execute(tx);
  return rows;
}

const rowColumns =
  sql.raw(`e.seq, to_char(e.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at, e.actor_kind, e.actor_id,
  e.actor_name, e.action, e.object_kind, e.object_id, e.result, e.fields, e.request_id, e.detail`);

export async function readUnchained(tx: Tx, limit: number): Promise<readonly ChainedRow[]> {
  const { rows } = await sql<ChainedRow>`
    select ${rowColumns} from audit_unchained u join audit_event e using (tenant_id, seq)
    where u.tenant_id = latchkey_tenant() order by u.seq limit ${limit}`.execute(tx);
  return rows;
}

export type Link = { readonly linkNo: number; readonly seq: number; readonly hash: Buffer };

export async function readLastLink(tx: Tx): Promise<Link | null> {
  const { rows } = await sql<Link>`
    select link_no as "linkNo", seq, hash from audit_link where tenant_id = latchkey_tenant()
    order by link_no desc limit 1`.execute(tx);
  return rows[0] ?? null;
}

export async function insertLinks(tx: Tx, links: readonly Link[]): Promise<void> {
  await sql`
    insert into audit_link (tenant_id, link_no, seq, hash)
    select latchkey_tenant(), l.link_no, l.seq, l.hash
    from unnest(${links.map((link) => link.linkNo)}::bigint[], ${links.map((link) => link.seq)}::bigint[],
      ${links.map((link) => link.hash)}::bytea[]) as l(link_no, seq, hash)`.execute(tx);
}

export async function deleteUnchained(tx: Tx, numbers: readonly number[]): Promise<void> {
  await sql`
    delete from audit_unchained where tenant_id = latchkey_tenant() and seq = any(${numbers}::bigint[])`.execute(
    tx,
  );
}

/** A copy of the head, at most one a minute. */
export async function insertCheckpoint(tx: Tx, head: Link): Promise<void> {
  await sql`
    insert into audit_checkpoint (tenant_id, link_no, hash)
    select latchkey_tenant(), ${head.linkNo}, ${head.hash}
    where not exists (select from audit_checkpoint
      where tenant_id = latchkey_tenant() and at > clock_timestamp() - interval '1 minute')`.execute(tx);
}

/** False when another process is chaining this tenant's events right now. */
export async function tryHoldChain(tx: Tx): Promise<boolean> {
  const { rows } = await sql<{ held: boolean }>`
    select pg_try_advisory_xact_lock(hashtextextended('latchkey/audit/' || latchkey_tenant(), 0)) as held`.execute(
    tx,
  );
  return rows[0]?.held === true;
}

/** `tx` is the scheduler's. */
export async function tenantsWithUnchained(tx: Tx, limit: number): Promise<readonly string[]> {
  const { rows } = await sql<{ tenantId: string }>`
    select distinct tenant_id as "tenantId" from audit_unchained limit ${limit}`.execute(tx);
  return rows.map((row) => row.tenantId);
}

/** The chain in order, each link beside its event; an event that is gone leaves nulls. */
export async function readChain(
  tx: Tx,
  afterLinkNo: number,
  limit: number,
): Promise<readonly { readonly link: Link; readonly row: ChainedRow | null }[]> {
  const { rows } = await sql<Omit<ChainedRow, 'seq'> & { seq: number | null } & LinkColumns>`
    select l.link_no, l.seq as link_seq, l.hash, ${rowColumns}
    from audit_link l left join audit_event e on e.tenant_id = l.tenant_id and e.seq = l.seq
    where l.tenant_id = latchkey_tenant() and l.link_no > ${afterLinkNo} order by l.link_no limit ${limit}`.execute(
    tx,
  );
  return rows.map(({ link_no, link_seq, hash, seq, ...rest }) => ({
    link: { linkNo: link_no, seq: link_seq, hash },
    row: seq === null ? null : { ...rest, seq },
  }));
}
type LinkColumns = { readonly link_no: number; readonly link_seq: number; readonly hash: Buffer };

/** An event that neither stands in the chain nor waits for it: it was slipped in, or taken out of the queue. */
export async function readStray(tx: Tx): Promise<number | null> {
  const { rows } = await sql<{ seq: number }>`
    select e.seq from audit_event e
    where e.tenant_id = latchkey_tenant()
      and not exists (select from audit_link l where l.tenant_id = e.tenant_id and l.seq = e.seq)
      and not exists (select from audit_unchained u where u.tenant_id = e.tenant_id and u.seq = e.seq)
    order by e.seq limit 1`.execute(tx);
  return rows[0]?.seq ?? null;
}

/** The first checkpoint that the chain no longer agrees with. */
export async function readBrokenCheckpoint(tx: Tx): Promise<{ readonly linkNo: number } | null> {
  const { rows } = await sql<{ linkNo: number }>`
    select c.link_no as "linkNo" from audit_checkpoint c
    left join audit_link l on l.tenant_id = c.tenant_id and l.link_no = c.link_no
    where c.tenant_id = latchkey_tenant() and l.hash is distinct from c.hash
    order by c.link_no limit 1`.execute(tx);
  return rows[0] ?? null;
}

export async function countUnchained(tx: Tx): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from audit_unchained where tenant_id = latchkey_tenant()`.execute(tx);
  return rows[0]?.count ?? 0;
}
