// A process that runs executions on a test's database until it is killed. Told where by one JSON argument; prints `up`
// when it takes work.

import { createReadAudit } from '../src/audit/read-audit.ts';
import { createHostPool } from '../src/hosts/pool.ts';
import { createComponentPackages } from '../src/integrations/component-package.ts';
import { systemClock } from '../src/kernel/clock.ts';
import { silentLog } from '../src/kernel/log.ts';
import { createDial } from '../src/oauth/egress.ts';
import { createHeartbeat } from '../src/refresh/heartbeat.ts';
import { productionTimings } from '../src/refresh/refresh-timings.ts';
import { createRunner } from '../src/runner/runner.ts';
import { connect, openExternal, type Role } from '../src/storage/database.ts';
import { createDoors } from '../src/storage/doors.ts';
import { startWorker } from '../src/storage/worker.ts';
import { unlockRoot } from '../src/vault/unlock-root.ts';
import { createVault } from '../src/vault/vault.ts';

/** What travels to the process. */
export type RunnerProcessPlan = {
  readonly url: string | null;
  readonly logins: Readonly<Record<Role, Readonly<Record<string, unknown>>>>;
  readonly vaultFolder: string;
  readonly packagesFolder: string;
  readonly processId: string;
};

const plan = JSON.parse(process.argv[2] ?? '') as RunnerProcessPlan;
const log = silentLog;
const clock = systemClock;
const database =
  plan.url === null
    ? connect('embedded', { login: (role) => plan.logins[role], startup: () => [] }, log)
    : await openExternal(plan.url, log);
const doors = createDoors(database, { random: Math.random });
const { rootKeys, installation } = await unlockRoot({ doors, folder: plan.vaultFolder });
const vault = createVault({ doors, rootKeys, installation, clock });
const { processId } = plan;
const heartbeat = createHeartbeat({ doors, clock, processId, build: 'test' });
await heartbeat.beat();
setInterval(() => void heartbeat.beat(), productionTimings.beatMs);
const runner = createRunner({
  doors,
  vault,
  reader: { readToken: () => Promise.reject(new Error('no step of this process uses OAuth')) },
  useNotes: { note: () => {} },
  readAudit: createReadAudit({ doors, log, clock }),
  pool: createHostPool({ log, dial: createDial({ allow: ['127.0.0.0/8'], log }) }),
  packages: createComponentPackages({ doors, folder: plan.packagesFolder }),
  clock,
  log,
  publicUrl: 'http://127.0.0.1:4111',
  processId,
});
await startWorker(database, runner.handlers, { concurrency: 1, log });
process.stdout.write('up\n');
