// Statements over any sealed column, built from its definition in `sealed-columns.ts`.
import { type RawBuilder, sql } from 'kysely';
import type { TenantId } from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';
import type { Sealed } from './sealed.ts';
import type { SealedColumn } from './sealed-columns.ts';

/** The columns that make the row's key and its place, and the value as `sealed`. */
export type SealedRow = Readonly<Record<string, unknown>> & { readonly sealed: Buffer };

/**
 * Rows whose value does not begin with `header`, in the order of their key, locked. A row that somebody is writing is
 * left out: the sweep never waits for a writer, so it cannot deadlock with one.
 */
export async function lockSealedElsewhere(
  tx: Tx,
  column: SealedColumn,
  from: {
    readonly tenant: TenantId;
    readonly header: Buffer;
    readonly after: SealedRow | null;
    readonly limit: number;
  },
): Promise<readonly SealedRow[]> {
  const after = from.after;
  const next = after === null ? sql`true` : sql`(${keyOf(column)}) > (${keyValues(column, after)})`;
  const { rows } = await sql<SealedRow>`
    select tenant_id, ${sql.join(placeColumns(column).map((name) => sql.ref(name)))}, ${sql.ref(column.column)} as sealed
    from ${sql.table(column.table)}
    where tenant_id = ${from.tenant} and ${sql.ref(column.column)} is not null
      and substring(${sql.ref(column.column)} from 1 for ${sql.lit(from.header.length)}) <> ${from.header} and ${next}
    order by ${keyOf(column)} limit ${from.limit} for no key update skip locked`.execute(tx);
  return rows;
}

/** Exchanges a value for another sealing of the same plaintext, if it is still the one that was read. */
export async function replaceSealed(
  tx: Tx,
  column: SealedColumn,
  row: SealedRow,
  next: Sealed,
): Promise<boolean> {
  const result = await sql`
    update ${sql.table(column.table)} set ${sql.ref(column.column)} = ${next}
    where tenant_id = ${row.tenant_id} and (${keyOf(column)}) = (${keyValues(column, row)})
      and ${sql.ref(column.column)} = ${row.sealed}`.execute(tx);
  return result.numAffectedRows === 1n;
}

/** True while a value in this column begins with `header`. */
export async function isSealedWith(
  tx: Tx,
  column: SealedColumn,
  from: { readonly tenant: TenantId; readonly header: Buffer },
): Promise<boolean> {
  const { rows } = await sql<{ used: boolean }>`
    select exists (select from ${sql.table(column.table)} where tenant_id = ${from.tenant}
      and substring(${sql.ref(column.column)} from 1 for ${sql.lit(from.header.length)}) = ${from.header}) as used`.execute(
    tx,
  );
  return rows[0]?.used !== false;
}

function keyOf(column: SealedColumn): RawBuilder<unknown> {
  return sql.join(column.key.map((name) => sql.ref(name)));
}

function keyValues(column: SealedColumn, row: SealedRow): RawBuilder<unknown> {
  return sql.join(column.key.map((name) => row[name]));
}

function placeColumns(column: SealedColumn): readonly string[] {
  const field = 'column' in column.field ? [column.field.column] : [];
  const counter = column.counter === null ? [] : [column.counter];
  return [...new Set([...column.key, column.recordId, ...field, ...counter])];
}
