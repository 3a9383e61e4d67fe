// One run of the queue's own runner (graphile-worker), with our log, a shutdown that loses nothing, and a quick way
// back for the jobs of a killed process.
import { EventEmitter } from 'node:events';
import { Logger, run, type TaskList, type WorkerEvents } from 'graphile-worker';
import type pg from 'pg';
import { Fault } from '../kernel/fault.ts';
import { errorFields, type Log } from '../kernel/log.ts';
import type { Database } from './database.ts';
import type { JobHandler, WorkerOptions } from './job-handler.ts';

export type JobRun = {
  /** As whom it locks jobs. */
  readonly name: string;
  /** Resolves when it ended, whatever the reason. */
  readonly ended: Promise<void>;
  readonly stop: () => Promise<void>;
};

const heartbeatMs = 10_000;
/** Six missed heartbeats. A process that pauses longer may find its job run a second time. */
const deadAfterSeconds = 60;

/** `predecessor` is the name of a run of this process that is over: what it still holds is given back at once. */
export async function runJobs(
  database: Database,
  handlers: Readonly<Record<string, JobHandler>>,
  options: WorkerOptions,
  predecessor = '',
): Promise<JobRun> {
  const pool = database.pool('owner');
  const events: WorkerEvents = new EventEmitter();
  let name = '';
  events.on('pool:create', ({ workerPool }) => {
    name = workerPool.id;
  });
  // The embedded database has one process at a time: whoever held a job before its first worker is gone.
  const isAlone = database.engine === 'embedded' && predecessor === '' && options.isSecond !== true;
  await giveBackJobs(pool, isAlone ? 0 : deadAfterSeconds, predecessor);
  const runner = await run({
    pgPool: pool,
    events,
    logger: queueLogger(options.log),
    concurrency: options.concurrency,
    noHandleSignals: true,
    preset: {
      worker: {
        gracefulShutdownAbortTimeout: options.graceMs ?? 5_000,
        // Without batches the queue awaits nowhere that a job is marked done: a shutdown would lose that and the job
        // would run again. A batch of 0 ms is awaited.
        completeJobBatchDelay: 0,
        failJobBatchDelay: 0,
      },
    },
    taskList: taskListOf(handlers, options.log),
  });
  const ended = runner.promise.catch((error: unknown) =>
    options.log.warn('job runner ended', errorFields(error)),
  );
  const heartbeat = (): Promise<void> =>
    beat(pool, name)
      .then(() => (database.engine === 'external' ? giveBackJobs(pool, deadAfterSeconds) : undefined))
      .catch((error: unknown) => options.log.warn('worker heartbeat failed', errorFields(error)));
  await heartbeat();
  const heart = setInterval(() => void heartbeat(), heartbeatMs);
  void ended.then(() => clearInterval(heart));
  const stop = async (): Promise<void> => {
    await runner.stop().catch(() => {}); // It had stopped by itself.
    await ended;
    await pool.query('delete from job_worker where name = $1', [name]).catch(() => {});
  };
  let stopping: Promise<void> | null = null;
  return {
    name,
    ended,
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}

function taskListOf(handlers: Readonly<Record<string, JobHandler>>, log: Log): TaskList {
  const tasks: TaskList = {};
  for (const [job, handler] of Object.entries(handlers)) {
    tasks[job] = async (payload, helpers) => {
      const { attempts: attempt, max_attempts } = helpers.job;
      const isLastAttempt = attempt >= max_attempts;
      try {
        await handler(payload, { signal: helpers.abortSignal, attempt, isLastAttempt });
      } catch (error) {
        log.warn('job failed', { job, attempt, isLastAttempt, ...errorFields(error) });
        throw storable(error);
      }
    };
  }
  return tasks;
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

/** Unlocks what silent workers hold, and what `also` holds. A worker not listed has not begun to hold anything. */
async function giveBackJobs(pool: pg.Pool, silentSeconds: number, also = ''): Promise<void> {
  await pool.query(
    `with dead as (
       delete from job_worker
       where heartbeat_at <= clock_timestamp() - make_interval(secs => $1) or name = $2
       returning name)
     select graphile_worker.force_unlock_workers(array(select name from dead)) where exists (select from dead)`,
    [silentSeconds, also],
  );
}

/** The queue's own messages may quote payloads; only its warnings and errors are passed on, without attachments. */
function queueLogger(log: Log): Logger {
  return new Logger(() => (level, message) => {
    if (level === 'error') log.error('job queue', { said: message.slice(0, 300) });
    else if (level === 'warning') log.warn('job queue', { said: message.slice(0, 300) });
  });
}
