// One page of a list: how every store is asked and how it answers. Faces translate to their own cursors.

export type PageRequest = {
  readonly offset: number;
  /** At most `maxPageSize`. */
  readonly limit: number;
};

export type Page<T> = {
  readonly items: readonly T[];
  readonly totalCount: number;
  readonly offset: number;
};

export const maxPageSize = 100;
export const firstPage: PageRequest = { offset: 0, limit: maxPageSize };
