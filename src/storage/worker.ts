// Runs queued jobs for as long as the process lives: the queue's runner gives up when the database is away for a
// while, so it is started again until somebody stops it.
import { setTimeout as sleep } from 'node:timers/promises';
import { backoffMs } from '../kernel/backoff.ts';
import { errorFields } from '../kernel/log.ts';
import type { Database } from './database.ts';
import type { JobHandler, WorkerOptions } from './job-handler.ts';
import { type JobRun, runJobs } from './job-run.ts';

export type Worker = {
  /** Takes no more jobs and resolves when the running ones have ended. May be called again. */
  readonly stop: () => Promise<void>;
  /** Resolves when the worker was stopped; rejects only by a bug. */
  readonly ended: Promise<void>;
};

/** Resolves when the first runner is up; its failure to start is the caller's. */
export async function startWorker(
  database: Database,
  handlers: Readonly<Record<string, JobHandler>>,
  options: WorkerOptions,
): Promise<Worker> {
  const stopping = new AbortController();
  let current = await runJobs(database, handlers, options);
  const again = (ended: JobRun): Promise<JobRun | null> =>
    restart(() => runJobs(database, handlers, options, ended.name), options, stopping.signal);

  const supervise = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await current.ended;
      if (stopping.signal.aborted) return;
      options.log.error('job runner stopped by itself');
      const next = await again(current);
      if (next === null) return;
      current = next;
    }
    // Stopped while the last start was on its way.
    await current.stop();
  };
  const ended = supervise();
  // Somebody who only stops the worker must not be met by an unhandled rejection.
  ended.catch(() => {});
  return {
    ended,
    stop: async () => {
      stopping.abort();
      await current.stop();
      await ended;
    },
  };
}

/** Tries until it works; null when a stop came first. */
async function restart(
  start: () => Promise<JobRun>,
  { log, restartStepsMs = [1_000, 5_000, 15_000, 30_000] }: WorkerOptions,
  signal: AbortSignal,
): Promise<JobRun | null> {
  for (let failures = 1; ; failures += 1) {
    const pauseMs = backoffMs(failures, { stepsMs: restartStepsMs, jitter: 0, random: () => 0 });
    await sleep(pauseMs, undefined, { signal }).catch(() => {});
    if (signal.aborted) return null;
    try {
      return await start();
    } catch (error) {
      log.warn('job runner cannot start yet', errorFields(error));
    }
  }
}
