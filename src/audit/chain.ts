// The audit trail as a chain per tenant: link n is SHA-256 over link n-1 and event n, so that no event can be changed,
// taken out, put in or moved without every later link giving it away. Writers do not wait for one another: they leave
// their events in a queue, and a sealer chains what has committed (why: docs/decisions).
import { createHash } from 'node:crypto';
import { encodeParts } from '../kernel/encode-parts.ts';
import type { TenantId } from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';
import {
  type ChainedRow,
  countUnchained,
  deleteUnchained,
  insertCheckpoint,
  insertLinks,
  type Link,
  readBrokenCheckpoint,
  readChain,
  readLastLink,
  readStray,
  readUnchained,
  tryHoldChain,
} from './event-store.ts';

export type ChainProblem =
  /** The event differs from what was chained, or stands in another place. */
  | 'changed'
  /** A link without its event. */
  | 'missing_event'
  /** A number left out in the chain. */
  | 'missing_link'
  /** The chain ends before, or differs from, a copy of its head. */
  | 'rewritten'
  /** An event that never came into the chain and does not wait for it. */
  | 'stray';

export type ChainVerdict =
  | {
      readonly intact: true;
      readonly links: number;
      /** Events of the last moments that still wait for their links. */
      readonly waiting: number;
      /** Null while nothing is chained. To be compared with a copy kept outside of the database. */
      readonly head: { readonly linkNo: number; readonly hash: Buffer } | null;
    }
  /** `seq` of the first bad event; for a missing link that of the last good one before it. */
  | { readonly intact: false; readonly seq: number; readonly problem: ChainProblem };

const batchSize = 1000;

/** Chains what waits, up to a batch; the number of events chained. `tx` is a transaction of the tenant. */
export async function chainWaiting(tx: Tx, tenant: TenantId): Promise<number> {
  if (!(await tryHoldChain(tx))) return 0;
  const rows = await readUnchained(tx, batchSize);
  if (rows.length === 0) return 0;
  let head = await readLastLink(tx);
  const links: Link[] = [];
  for (const row of rows) {
    const linkNo = (head?.linkNo ?? 0) + 1;
    head = { linkNo, seq: row.seq, hash: linkHash(head?.hash ?? rootHash(tenant), row) };
    links.push(head);
  }
  await insertLinks(tx, links);
  await deleteUnchained(
    tx,
    rows.map((row) => row.seq),
  );
  if (head !== null) await insertCheckpoint(tx, head);
  return rows.length;
}

/** Walks the whole chain of the transaction's tenant. */
export async function verifyChain(tx: Tx, tenant: TenantId): Promise<ChainVerdict> {
  let head: Link | null = null;
  for (;;) {
    const batch: Awaited<ReturnType<typeof readChain>> = await readChain(tx, head?.linkNo ?? 0, batchSize);
    for (const { link, row } of batch) {
      const problem = problemOf(tenant, head, link, row);
      if (problem === 'missing_link') return { intact: false, seq: head?.seq ?? 0, problem };
      if (problem !== null) return { intact: false, seq: link.seq, problem };
      head = link;
    }
    if (batch.length < batchSize) break;
  }
  const stray = await readStray(tx);
  if (stray !== null) return { intact: false, seq: stray, problem: 'stray' };
  if ((await readBrokenCheckpoint(tx)) !== null) {
    return { intact: false, seq: head?.seq ?? 0, problem: 'rewritten' };
  }
  return { intact: true, links: head?.linkNo ?? 0, waiting: await countUnchained(tx), head };
}

function problemOf(
  tenant: TenantId,
  head: Link | null,
  link: Link,
  row: ChainedRow | null,
): ChainProblem | null {
  if (link.linkNo !== (head?.linkNo ?? 0) + 1) return 'missing_link';
  if (row === null) return 'missing_event';
  return linkHash(head?.hash ?? rootHash(tenant), row).equals(link.hash) ? null : 'changed';
}

/** Where a tenant's chain begins: no chain can be passed off as another tenant's. */
function rootHash(tenant: TenantId): Buffer {
  return createHash('sha256')
    .update(encodeParts(['latchkey/audit/v1', tenant]))
    .digest();
}

function linkHash(previous: Buffer, row: ChainedRow): Buffer {
  return createHash('sha256').update(previous).update(canonical(row)).digest();
}

/** Every column of the event; absent and empty differ. */
function canonical(row: ChainedRow): Buffer {
  const detail = Object.entries(row.detail).sort(([a], [b]) => (a < b ? -1 : 1));
  return encodeParts([
    String(row.seq),
    row.at,
    row.actor_kind,
    ...[row.actor_id, row.actor_name, row.object_kind, row.object_id, row.request_id].map(nullable),
    row.action,
    row.result,
    encodeParts(row.fields),
    encodeParts(detail.flatMap(([key, value]) => [key, JSON.stringify(value)])),
  ]);
}

function nullable(text: string | null): string {
  return text === null ? '' : `=${text}`;
}
