// What stands behind the question mark: filters, scope and pages. Unknown filters are refused, because ignoring one
// would answer more than was asked for.
import { invalidField } from '../../kernel/fault.ts';
import { maxPageSize, type PageRequest } from '../../kernel/page.ts';

export type Query = Readonly<Record<string, string | readonly string[] | undefined>>;

/** A parameter as the API's description tells it, from the bounds that it is read with. */
export type QueryParameter = {
  readonly name: string;
  readonly about: string;
  /** Absent: any short text. */
  readonly range?: NumberRange;
  readonly isId?: boolean;
};

type NumberRange = { readonly least: number; readonly most: number };

export const maxTextLength = 200;
const pageSizes = { least: 1, most: maxPageSize };
const pageNumbers = { least: 1, most: 1_000_000 };

export function pageParameters(about: string): readonly QueryParameter[] {
  return [
    { name: 'page[size]', about, range: pageSizes },
    { name: 'page[number]', about: 'Counted from 1, which is the default.', range: pageNumbers },
  ];
}

/** The one value of a parameter, or null. */
export function parameter(query: Query, name: string): string | null {
  const value = query[name];
  if (value === undefined || value === '') return null;
  if (typeof value !== 'string') throw invalidField(name, 'is given more than once.', 'Give it once.');
  if (value.length > maxTextLength || /\p{Cc}/u.test(value)) {
    throw invalidField(name, 'is too long or holds control characters.', 'Correct it.');
  }
  return value;
}

export function refuseUnknownFilters(query: Query, known: readonly string[]): void {
  for (const name of Object.keys(query)) {
    if (!/^(filter|page)\[/.test(name)) continue;
    if (name === 'page[size]' || name === 'page[number]' || known.includes(name)) continue;
    throw invalidField(
      name.slice(0, 60),
      'is not known here.',
      `Known: ${[...new Set([...known, 'page[size]', 'page[number]'])].join(', ')}.`,
    );
  }
}

export type PageQuery = { readonly number: number; readonly size: number; readonly request: PageRequest };

/** Null when the caller asks for no page: some lists then answer everything. */
export function pageOf(query: Query, defaultSize: number): PageQuery | null {
  const sizeText = parameter(query, 'page[size]');
  const numberText = parameter(query, 'page[number]');
  if (sizeText === null && numberText === null) return null;
  const size = sizeText === null ? defaultSize : wholeNumber(sizeText, 'page[size]', pageSizes);
  const number = numberText === null ? 1 : wholeNumber(numberText, 'page[number]', pageNumbers);
  return { number, size, request: { offset: (number - 1) * size, limit: size } };
}

export function pageOrFirst(query: Query, defaultSize: number): PageQuery {
  return (
    pageOf(query, defaultSize) ?? {
      number: 1,
      size: defaultSize,
      request: { offset: 0, limit: defaultSize },
    }
  );
}

export function pageMeta(page: PageQuery | null, totalCount: number): Readonly<Record<string, number>> {
  if (page === null) return {};
  return {
    page: page.number,
    per_page: page.size,
    total: totalCount,
    total_pages: Math.ceil(totalCount / page.size),
  };
}

/** The value of a parameter that is a whole number, or null. */
export function numberOf(query: Query, name: string, range: NumberRange): number | null {
  const text = parameter(query, name);
  return text === null ? null : wholeNumber(text, name, range);
}

function wholeNumber(text: string, field: string, { least, most }: NumberRange): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : -1;
  if (value >= least && value <= most) return value;
  throw invalidField(
    field,
    `is not a whole number from ${least} to ${most}.`,
    'Correct it, or leave it out.',
  );
}
