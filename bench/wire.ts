// What travels between the benchmark and its load generator, which is a process of its own.

export type Target = {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
  /** Path up to the id; the whole path where `ids` is null. */
  readonly path: string;
  /** File with a JSON array of ids to choose from at random. */
  readonly ids: string | null;
  readonly authorization: string | null;
};

export type LoadOrder = {
  readonly target: Target;
  readonly connections: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
};

export type LoadResult = {
  readonly requests: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Mean size of a body. */
  readonly bodyBytes: number;
  /** CPU seconds that the load generator itself used, per second. */
  readonly loadCpu: number;
};

export type LoadAnswer =
  | { readonly kind: 'done'; readonly result: LoadResult }
  | { readonly kind: 'failed'; readonly reason: string };
