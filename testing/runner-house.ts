// A furnished house in which integrations run: real host processes, the emulator as OAuth provider, a service that steps
// call, and jobs that run when a test says so.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Emulator, startEmulator } from '../providers/emulator.ts';
import { createReadAudit, type ReadAudit } from '../src/audit/read-audit.ts';
import { createHostPool, type HostPool } from '../src/hosts/pool.ts';
import { storeComponentVersion } from '../src/integrations/component.ts';
import { type ComponentPackages, createComponentPackages } from '../src/integrations/component-package.ts';
import { systemClock } from '../src/kernel/clock.ts';
import { silentLog } from '../src/kernel/log.ts';
import { createDial } from '../src/oauth/egress.ts';
import { executionJob } from '../src/runner/invoke.ts';
import { createRunner, type Runner, type RunnerDeps } from '../src/runner/runner.ts';
import { probeBundle } from './probe-component.ts';
import { openRefreshProcess, type RefreshProcess } from './refresh-process.ts';
import { type Acts, actsOf, serviceKey } from './runner-acts.ts';
import { type Sights, sightsOf } from './runner-sights.ts';
import { openTestHouse, type TestHouse, type TestTenant } from './test-house.ts';
import { startTrialService, type TrialService } from './trial-service.ts';

export const publicUrl = 'http://127.0.0.1:4111';

export type RunnerProcess = RefreshProcess & { readonly runner: Runner };

export type RunnerHouse = Acts &
  Sights & {
    readonly house: TestHouse;
    readonly emulator: Emulator;
    readonly service: TrialService;
    readonly pool: HostPool;
    readonly packages: ComponentPackages;
    readonly readAudit: ReadAudit;
    /** What runs executions in one process; give it other doors to be another one. */
    readonly process: (options?: Partial<RunnerDeps>) => Promise<RunnerProcess>;
    readonly publishProbe: (at?: TestTenant) => Promise<void>;
    /** How many jobs wait. */
    readonly queued: () => Promise<number>;
    /** Runs every job that waits, all at once, until none is left. */
    readonly work: (...runners: readonly RunnerProcess[]) => Promise<void>;
    readonly close: () => Promise<void>;
  };

const openPool = () =>
  createHostPool({
    log: silentLog,
    dial: createDial({ allow: ['127.0.0.0/8'], log: silentLog }),
    maxProcesses: 4,
  });

export async function openRunnerHouse(): Promise<RunnerHouse> {
  const house = await openTestHouse();
  const emulator = await startEmulator({ set: { rotation: 'always' } });
  const service = await startTrialService(
    async (token) => token === serviceKey || (await emulator.isLiveAccessToken(token)),
  );
  const folder = await mkdtemp(join(tmpdir(), 'runner-house-'));
  const pool = openPool();
  const { doors, vault } = house;
  const packages = createComponentPackages({ doors, folder: join(folder, 'packages') });
  const readAudit = createReadAudit({ doors, log: silentLog, clock: systemClock });
  const probePath = join(folder, 'probe.js');
  await writeFile(probePath, probeBundle);
  return {
    house,
    emulator,
    service,
    pool,
    packages,
    readAudit,
    ...actsOf(house, emulator),
    ...sightsOf(house),
    process: async (options = {}) => {
      const parts = await openRefreshProcess(house, emulator, options.doors ?? doors);
      const { reader, processId } = parts;
      const runner = createRunner({
        doors,
        vault,
        reader,
        useNotes: { note: () => {} },
        readAudit,
        pool,
        packages,
        clock: systemClock,
        log: silentLog,
        publicUrl,
        processId,
        stepTimeoutMs: 20_000,
        ...options,
      });
      return { ...parts, runner };
    },
    publishProbe: async (at = house) => {
      const definition = await pool.describe(probePath);
      await doors.withTenant(at.tenant, (tx) =>
        storeComponentVersion({
          tx,
          actor: at.owner,
          tenant: at.tenant,
          unitId: at.organization.id,
          isPublic: false,
          definition,
          bundle: probeBundle,
        }),
      );
    },
    queued: async () => (await takeJobs(house, 'look')).length,
    work: async (...runners) => {
      for (;;) {
        const jobs = await takeJobs(house, 'take');
        if (jobs.length === 0) return;
        await Promise.all(
          jobs.map((payload, index) => {
            const handler = runners[index % runners.length]?.runner.handlers[executionJob];
            const signal = new AbortController().signal;
            return handler?.(payload, { signal, attempt: 1, isLastAttempt: false });
          }),
        );
      }
    },
    close: async () => {
      await pool.close();
      await service.close();
      await emulator.close();
      await house.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function takeJobs(house: TestHouse, how: 'look' | 'take'): Promise<readonly unknown[]> {
  const pool = house.database.database.pool('owner');
  const wanted = `where task_id = (select id from graphile_worker._private_tasks where identifier = $1)`;
  const statement =
    how === 'take'
      ? `delete from graphile_worker._private_jobs ${wanted} returning payload`
      : `select payload from graphile_worker._private_jobs ${wanted}`;
  const found = await pool.query<{ payload: unknown }>(statement, [executionJob]);
  return found.rows.map((row) => row.payload);
}
