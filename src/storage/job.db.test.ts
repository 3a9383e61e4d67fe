import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { FreshDatabase } from '../../testing/copied-database.ts';
import { freshDatabase } from '../../testing/fresh-database.ts';
import { Fault } from '../kernel/fault.ts';
import { newId, type TenantId } from '../kernel/ids.ts';
import { silentLog } from '../kernel/log.ts';
import { enqueue } from './job.ts';
import type { JobHandler } from './job-handler.ts';
import { startWorker } from './worker.ts';

const tenant = newId<TenantId>();
let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());

type Job = {
  readonly payload: unknown;
  readonly attempts: number;
  readonly last_error: string | null;
  readonly locked: boolean;
};
const jobs = async (name: string): Promise<readonly Job[]> => {
  const { rows } = await fresh.database.pool('owner').query<Job>(
    `select j.payload, j.attempts, j.last_error, j.locked_by is not null as locked
     from graphile_worker._private_jobs j join graphile_worker._private_tasks t on t.id = j.task_id
     where t.identifier = $1 order by j.id`,
    [name],
  );
  return rows;
};

/** A handler that tells when it was called and ends when it is told. */
function remoteControlled() {
  let begin: (payload: unknown) => void = () => {};
  let finish: () => void = () => {};
  const begun = new Promise<unknown>((resolve) => {
    begin = resolve;
  });
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const handler: JobHandler = async (payload) => {
    begin(payload);
    await finished;
  };
  return { handler, begun, finish };
}

test('a job is queued with the change that wants it, for the tenant of the transaction', async () => {
  await fresh.doors.withTenant(tenant, (tx) => enqueue(tx, 'committed', { executionId: 'e1', count: 2 }));
  expect(await jobs('committed')).toMatchObject([
    { payload: { executionId: 'e1', count: 2, tenantId: tenant } },
  ]);
});

test('a job vanishes with the change that is rolled back', async () => {
  const work = fresh.doors.withTenant(tenant, async (tx) => {
    await enqueue(tx, 'rolled-back', { executionId: 'e1' });
    throw new Error('no');
  });
  await expect(work).rejects.toThrow('no');
  expect(await jobs('rolled-back')).toEqual([]);
});

test('a job cannot be made for another tenant', async () => {
  const other = newId<TenantId>();
  await fresh.doors.withTenant(tenant, (tx) => enqueue(tx, 'forged', { tenantId: other }));
  expect(await jobs('forged')).toMatchObject([{ payload: { tenantId: tenant } }]);
});

test('a waiting job with the same key is replaced', async () => {
  const later = new Date('2100-01-01T00:00:00Z');
  for (const no of [1, 2]) {
    await fresh.doors.asScheduler((tx) => enqueue(tx, 'keyed', { no }, { jobKey: 'the-one', runAt: later }));
  }
  expect(await jobs('keyed')).toMatchObject([{ payload: { no: 2 } }]);
});

test('a worker runs what was queued; the job is gone afterwards', async () => {
  const done = remoteControlled();
  await fresh.doors.withTenant(tenant, (tx) => enqueue(tx, 'simple', { executionId: 'e2' }));
  const worker = await startWorker(
    fresh.database,
    { simple: done.handler },
    { concurrency: 2, log: silentLog },
  );
  expect(await done.begun).toEqual({ executionId: 'e2', tenantId: tenant });
  done.finish();
  await worker.stop();
  expect(await jobs('simple')).toEqual([]);
});

test('stopping waits for the job that runs and takes no other', async () => {
  const running = remoteControlled();
  const worker = await startWorker(
    fresh.database,
    { slow: running.handler },
    { concurrency: 1, log: silentLog },
  );
  await fresh.doors.withTenant(tenant, (tx) => enqueue(tx, 'slow', { no: 1 }));
  await running.begun;
  await fresh.doors.withTenant(tenant, (tx) => enqueue(tx, 'slow', { no: 2 }));
  let stopped = false;
  const stop = worker.stop().then(() => {
    stopped = true;
  });
  await fresh.doors.locate(async () => {});
  expect(stopped).toBe(false);
  running.finish();
  await stop;
  expect(await jobs('slow')).toMatchObject([{ payload: { no: 2 }, locked: false }]);
});

test('a job that outlives the grace is told by its signal', async () => {
  await fresh.doors.withTenant(tenant, (tx) => enqueue(tx, 'stubborn', {}));
  let begin: () => void = () => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const handler: JobHandler = (_payload, { signal }) =>
    new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve());
      begin();
    });
  const worker = await startWorker(
    fresh.database,
    { stubborn: handler },
    { concurrency: 1, log: silentLog, graceMs: 1 },
  );
  await begun;
  await worker.stop();
  expect(await jobs('stubborn')).toEqual([]);
});

test('what the queue keeps of an error is only what is public', async () => {
  const failures: readonly (readonly [string, Error, string])[] = [
    [
      'fails-known',
      new Fault('unavailable', 'Try later.', { detail: 'inner detail' }),
      'unavailable: Try later.',
    ],
    ['fails-unknown', new TypeError('hunter2 is the password'), 'TypeError'],
  ];
  for (const [name, error, kept] of failures) {
    const done = new Promise<void>((resolve) => {
      void fresh.doors
        .withTenant(tenant, (tx) => enqueue(tx, name, {}, { maxAttempts: 2 }))
        .then(() => resolve());
    });
    await done;
    let called: () => void = () => {};
    const begun = new Promise<void>((resolve) => {
      called = resolve;
    });
    const handler: JobHandler = async () => {
      called();
      throw error;
    };
    const worker = await startWorker(fresh.database, { [name]: handler }, { concurrency: 1, log: silentLog });
    await begun;
    await worker.stop();
    expect(await jobs(name)).toMatchObject([{ attempts: 1, last_error: kept }]);
  }
});

test('the jobs of a worker that was killed are given back to the next one', async () => {
  const pool = fresh.database.pool('owner');
  await fresh.doors.withTenant(tenant, (tx) => enqueue(tx, 'orphaned', {}));
  await pool.query(
    `insert into job_worker (name, heartbeat_at) values ('dead', clock_timestamp() - interval '5 minutes')`,
  );
  await pool.query(
    `update graphile_worker._private_jobs set locked_by = 'dead', locked_at = now(), attempts = 1
     where task_id = (select id from graphile_worker._private_tasks where identifier = 'orphaned')`,
  );
  const next = remoteControlled();
  const worker = await startWorker(
    fresh.database,
    { orphaned: next.handler },
    { concurrency: 1, log: silentLog },
  );
  await next.begun;
  next.finish();
  await worker.stop();
  expect(await jobs('orphaned')).toEqual([]);
});

test('a runner that gave up because it could not mark a job done is started again, and gives that job back', async () => {
  const pool = fresh.database.pool('owner');
  const rename = (from: string, to: string) =>
    pool.query(`alter table graphile_worker.${from} rename to ${to}`);
  let runs = 0;
  let second: () => void = () => {};
  const ranAgain = new Promise<void>((resolve) => {
    second = resolve;
  });
  const handler: JobHandler = async () => {
    runs += 1;
    if (runs === 1) await rename('_private_job_queues', 'away');
    if (runs === 1) await rename('_private_jobs', 'away_too');
    if (runs === 2) second();
  };
  await fresh.doors.withTenant(tenant, (tx) => enqueue(tx, 'interrupted', {}));
  const restarted = vi.fn<(message: string) => void>((message) => {
    if (message !== 'job runner stopped by itself') return;
    void rename('away_too', '_private_jobs').then(() => rename('away', '_private_job_queues'));
  });
  const log = { ...silentLog, error: restarted };
  const worker = await startWorker(
    fresh.database,
    { interrupted: handler },
    { concurrency: 1, log, restartStepsMs: [1] },
  );
  await ranAgain;
  await worker.stop();
  await worker.ended;
  expect(restarted).toHaveBeenCalledWith('job runner stopped by itself');
  expect(await jobs('interrupted')).toEqual([]);
});
