// Everything that a run found out.
import type { Machine } from './machine.ts';
import type { Plan, Result, Rounds } from './measure.ts';
import type { Memory } from './process-tree.ts';
import type { Idle, Starts } from './start-up.ts';

export type Figures = {
  readonly machine: Machine & { readonly loadBefore: number; readonly postgres: string };
  readonly plan: Plan;
  readonly sizes: readonly number[];
  readonly seedingMs: readonly number[];
  readonly rounds: Rounds;
  readonly start: Starts;
  readonly idle: Idle;
  /** Of the product's servers, by size. */
  readonly afterReads: readonly Memory[];
};

export type Bar = {
  readonly name: string;
  readonly promise: string;
  readonly measured: string;
  readonly isKept: boolean;
};

export type Report = Omit<Figures, 'rounds'> & {
  readonly rounds: Readonly<Record<string, Readonly<Record<string, readonly Result[]>>>>;
  readonly bars: readonly Bar[];
};
