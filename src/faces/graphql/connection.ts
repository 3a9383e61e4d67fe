// Relay connections over our pages, with `nodes` beside `edges`.
import { maxPageSize, type Page, type PageRequest } from '../../kernel/page.ts';
import { builder, type FieldPen, type QueryPen } from './builder.ts';
import { type PageArguments, pageOf, toCursor } from './page-arguments.ts';
import type { RequestContext } from './request-context.ts';

type Edge<T> = { readonly node: T; readonly cursor: string };

const PageInfo = builder.objectRef<Page<unknown>>('PageInfo').implement({
  fields: (t) => ({
    hasNextPage: t.boolean({ nullable: false, resolve: (page) => endOf(page) < page.totalCount }),
    hasPreviousPage: t.boolean({
      nullable: false,
      resolve: (page) => page.offset > 0 && page.totalCount > 0,
    }),
    startCursor: t.string({ resolve: (page) => (page.items.length === 0 ? null : toCursor(page.offset)) }),
    endCursor: t.string({ resolve: (page) => (page.items.length === 0 ? null : toCursor(endOf(page) - 1)) }),
  }),
});

function endOf(page: Page<unknown>): number {
  return page.offset + page.items.length;
}

export type NodeRef<T> = PothosSchemaTypes.ObjectRef<(typeof builder)['$inferSchemaTypes'], T>;

/** The types `<Name>Connection` and `<Name>Edge`. */
export function connectionOf<T>(name: string, node: NodeRef<T>) {
  const edge = builder.objectRef<Edge<T>>(`${name}Edge`);
  edge.implement({
    fields: (t) => ({
      node: t.field({ type: node, nullable: false, resolve: (parent) => parent.node as never }),
      cursor: t.exposeString('cursor' as never, { nullable: false }),
    }),
  });
  const connection = builder.objectRef<Page<T>>(`${name}Connection`);
  connection.implement({
    fields: (t) => ({
      nodes: t.field({ type: [node], nullable: false, resolve: (page) => page.items as never }),
      edges: t.field({ type: [edge], nullable: false, resolve: (page) => edgesOf(page) as never }),
      pageInfo: t.field({ type: PageInfo, nullable: false, resolve: (page) => page }),
      totalCount: t.int({ nullable: false, resolve: (page) => page.totalCount }),
    }),
  });
  return connection;
}

function edgesOf<T>(page: Page<T>): readonly Edge<T>[] {
  return page.items.map((node, index) => ({ node, cursor: toCursor(page.offset + index) }));
}

/** The arguments that every list takes. */
export function pageArgs(t: Pick<FieldPen<unknown> | QueryPen, 'arg'>) {
  const { arg } = t;
  return {
    first: arg.int(),
    last: arg.int(),
    after: arg.string(),
    before: arg.string(),
    offset: arg.int(),
  };
}

/** Loads the page that `args` ask for and counts it against the request. */
export async function resolvePage<T>(
  context: RequestContext,
  args: PageArguments,
  load: (page: PageRequest) => Promise<Page<T>>,
): Promise<Page<T>> {
  const page = await pageOf(args, load);
  context.spend(page.items.length);
  return page;
}

/** A list that is short by nature and comes whole, cut to the page that is asked for. */
export function cut<T>(items: readonly T[], page: PageRequest): Page<T> {
  const limit = Math.min(page.limit, maxPageSize);
  return {
    items: items.slice(page.offset, page.offset + limit),
    totalCount: items.length,
    offset: page.offset,
  };
}
