// What a job is to its handler, and how a worker is told to run.
import type { Log } from '../kernel/log.ts';

/** A job may run more than once (after a crash), so handlers look first whether there is still something to do. */
export type JobHandler = (payload: unknown, helpers: JobHelpers) => Promise<void>;

export type JobHelpers = {
  /** Aborted when a shutdown has waited `graceMs` for this job. */
  readonly signal: AbortSignal;
  /** 1 at the first try. */
  readonly attempt: number;
  readonly isLastAttempt: boolean;
};

export type WorkerOptions = {
  readonly concurrency: number;
  readonly log: Log;
  /** How long a shutdown lets running jobs be before it aborts their signal. */
  readonly graceMs?: number;
  /** Another worker of this process is up already: what it holds must not be given back. */
  readonly isSecond?: boolean;
  /** Pauses before the runner is started again; the last one repeats. */
  readonly restartStepsMs?: readonly number[];
};
