// Relay's paging arguments over our pages: cursors are base64 of `arrayconnection:<offset>` and carry nothing else, so
// a forged one leads to another place of the same list and nowhere beyond it.
import { invalidField } from '../../kernel/fault.ts';
import { maxPageSize, type Page, type PageRequest } from '../../kernel/page.ts';

export type PageArguments = {
  readonly first?: number | null | undefined;
  readonly last?: number | null | undefined;
  readonly after?: string | null | undefined;
  readonly before?: string | null | undefined;
  readonly offset?: number | null | undefined;
};

const prefix = 'arrayconnection:';
/** Far beyond any list, far below what the database takes as an offset. */
const maxOffset = 1_000_000_000;

export function toCursor(offset: number): string {
  return Buffer.from(`${prefix}${offset}`, 'utf8').toString('base64');
}

/** Null for "" and null: clients begin their loops with an empty cursor. */
function fromCursor(cursor: string | null | undefined, field: string): number | null {
  if (cursor === null || cursor === undefined || cursor === '') return null;
  const decoded = cursor.length > 60 ? '' : Buffer.from(cursor, 'base64').toString('utf8');
  const offset = /^arrayconnection:(\d{1,10})$/.exec(decoded)?.[1];
  if (offset !== undefined && Number(offset) <= maxOffset) return Number(offset);
  throw invalidField(
    field,
    'is not a cursor.',
    'Give a cursor or endCursor of an earlier answer, or leave it out.',
  );
}

function count(value: number | null | undefined, field: string, max: number): number | null {
  if (value === null || value === undefined) return null;
  if (value < 0) throw invalidField(field, 'is negative.', 'Give 0 or more.');
  if (value > max) throw invalidField(field, `is larger than ${max}.`, `Ask for at most ${max} at once.`);
  return value;
}

/** One page of a list, as the arguments ask for it. */
export async function pageOf<T>(
  args: PageArguments,
  load: (page: PageRequest) => Promise<Page<T>>,
): Promise<Page<T>> {
  const first = count(args.first, 'first', maxPageSize);
  const last = count(args.last, 'last', maxPageSize);
  const before = fromCursor(args.before, 'before');
  const after = fromCursor(args.after, 'after');
  let start = (after === null ? 0 : after + 1) + (count(args.offset, 'offset', maxOffset) ?? 0);
  if (last === null) {
    const end = Math.min(before ?? Number.POSITIVE_INFINITY, start + (first ?? maxPageSize));
    return await slice(load, start, end);
  }
  // "The last n" are counted from the end, so the end must be known first.
  const { totalCount } = await load({ offset: 0, limit: 1 });
  let end = Math.min(before ?? totalCount, totalCount);
  if (first !== null) end = Math.min(end, start + first);
  start = Math.max(start, end - last);
  return await slice(load, start, end);
}

async function slice<T>(
  load: (page: PageRequest) => Promise<Page<T>>,
  start: number,
  end: number,
): Promise<Page<T>> {
  const limit = Math.min(Math.max(end - start, 0), maxPageSize);
  if (limit > 0) return await load({ offset: start, limit });
  // Asking for nothing still tells how much there is.
  const { totalCount } = await load({ offset: 0, limit: 1 });
  return { items: [], totalCount, offset: start };
}
