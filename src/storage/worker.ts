// Runs queued jobs: graphile-worker with our log, our shutdown and a quick way back for the jobs of a killed process.
import { EventEmitter } from 'node:events';
import { Logger, type Runner, run, type WorkerEvents } from 'graphile-worker';
import type pg from 'pg';
import { Fault } from '../kernel/fault.ts';
import { errorFields, type Log } from '../kernel/log.ts';
import type { Database } from './database.ts';

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
};

export type Worker = {
  /** Takes no more jobs and resolves when the running ones have ended. May be called again. */
  readonly stop: () => Promise<void>;
  /** Rejects when the worker gave up by itself. */
  readonly ended: Promise<void>;
};

const heartbeatMs = 10_000;
/** Six missed heartbeats. A process that pauses longer may find its job run a second time. */
const deadAfterSeconds = 60;

export async function startWorker(
  database: Database,
  handlers: Readonly<Record<string, JobHandler>>,
  options: WorkerOptions,
): Promise<Worker> {
  const pool = database.pool('owner');
  const events: WorkerEvents = new EventEmitter();
  let name = '';
  events.on('pool:create', ({ workerPool }) => {
    name = workerPool.id;
  });
  // The embedded database has one process at a time: whoever held a job before us is gone.
  await giveBackJobs(pool, database.engine === 'embedded' ? 0 : deadAfterSeconds);
  const runner = await run({
    pgPool: pool,
    events,
    logger: queueLogger(options.log),
    concurrency: options.concurrency,
    noHandleSignals: true,
    preset: { worker: { gracefulShutdownAbortTimeout: options.graceMs ?? 5_000 } },
    taskList: Object.fromEntries(
      Object.entries(handlers).map(([job, handler]) => [
        job,
        async (payload, helpers) => {
          const { attempts, max_attempts } = helpers.job;
          const isLastAttempt = attempts >= max_attempts;
          try {
            await handler(payload, { signal: helpers.abortSignal, attempt: attempts, isLastAttempt });
          } catch (error) {
            options.log.warn('job failed', { job, attempt: attempts, isLastAttempt, ...errorFields(error) });
            throw storable(error);
          }
        },
      ]),
    ),
  });
  await beat(pool, name);
  const heart = setInterval(() => {
    void beat(pool, name)
      .then(() => (database.engine === 'external' ? giveBackJobs(pool, deadAfterSeconds) : undefined))
      .catch((error: unknown) => options.log.warn('worker heartbeat failed', errorFields(error)));
  }, heartbeatMs);
  return control(runner, async () => {
    clearInterval(heart);
    await pool.query('delete from job_worker where name = $1', [name]).catch(() => {});
  });
}

function control(runner: Runner, forget: () => Promise<void>): Worker {
  let stopping: Promise<void> | null = null;
  const ended = runner.promise.catch((cause: unknown) => {
    throw new Fault('unavailable', 'The job worker stopped.', { cure: 'Restart Latchkey.', cause });
  });
  // Somebody who only stops the worker must not be met by an unhandled rejection.
  ended.catch(() => {});
  return {
    ended,
    stop: () => {
      stopping ??= runner
        .stop()
        .catch(() => {}) // It had stopped by itself.
        .then(forget);
      return stopping;
    },
  };
}

/** The queue stores an error's text for ever: only what is public may get there. */
function storable(error: unknown): Error {
  if (error instanceof Fault) return new Error(`${error.code}: ${error.message}`);
  return new Error(error instanceof Error ? error.name : 'unknown error');
}

async function beat(pool: pg.Pool, name: string): Promise<void> {
  await pool.query(
    `insert into job_worker (name) values ($1)
     on conflict (name) do update set heartbeat_at = clock_timestamp()`,
    [name],
  );
}

/** Unlocks what workers hold that have been silent for so long; a worker not listed has not begun to hold anything. */
async function giveBackJobs(pool: pg.Pool, silentSeconds: number): Promise<void> {
  await pool.query(
    `with dead as (
       delete from job_worker where heartbeat_at <= clock_timestamp() - make_interval(secs => $1) returning name)
     select graphile_worker.force_unlock_workers(array(select name from dead)) where exists (select from dead)`,
    [silentSeconds],
  );
}

/** The queue's own messages may quote payloads; only its warnings and errors are passed on, without attachments. */
function queueLogger(log: Log): Logger {
  return new Logger(() => (level, message) => {
    if (level === 'error') log.error('job queue', { said: message.slice(0, 300) });
    else if (level === 'warning') log.warn('job queue', { said: message.slice(0, 300) });
  });
}
