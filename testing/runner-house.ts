// A furnished house in which integrations run: real host processes, the emulator as OAuth provider, a service that steps
// call, and jobs that run when a test says so.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Emulator, startEmulator } from '../providers/emulator.ts';
import { selectInstanceConnections } from '../src/connections/connection-store.ts';
import { type ConnectionStatus, connectionStatus } from '../src/connections/status.ts';
import { getBuiltinType } from '../src/credentials/connection-type.ts';
import { createCredential } from '../src/credentials/create-credential.ts';
import type { Credential } from '../src/credentials/credential.ts';
import { type ConnectionLogEntry, readConnectionLog } from '../src/credentials/log-store.ts';
import { createHostPool, type HostPool } from '../src/hosts/pool.ts';
import { storeComponentVersion } from '../src/integrations/component.ts';
import { type ComponentPackages, createComponentPackages } from '../src/integrations/component-package.ts';
import { deployInstance } from '../src/integrations/deploy.ts';
import { createInstance, type Instance } from '../src/integrations/instance.ts';
import type { Setting } from '../src/integrations/instance-binding.ts';
import { updateInstance } from '../src/integrations/instance-update.ts';
import { type Integration, importIntegration } from '../src/integrations/integration.ts';
import { publishIntegration } from '../src/integrations/publish.ts';
import { systemClock } from '../src/kernel/clock.ts';
import type { ExecutionId, IntegrationId, UnitId } from '../src/kernel/ids.ts';
import { silentLog } from '../src/kernel/log.ts';
import { firstPage } from '../src/kernel/page.ts';
import { Plain } from '../src/kernel/plain.ts';
import { createDial } from '../src/oauth/egress.ts';
import {
  type Execution,
  type ExecutionLogEntry,
  getExecution,
  listExecutionLogs,
  listStepResults,
  openStepResult,
  type StepResult,
} from '../src/runner/execution.ts';
import { executionJob, type Invoked, invokeTest, invokeTrigger } from '../src/runner/invoke.ts';
import { emptyPayload, type Payload } from '../src/runner/payload.ts';
import { createRunner, type Runner, type RunnerDeps } from '../src/runner/runner.ts';
import { connectAccount, createOAuthCredential } from './connect-account.ts';
import { probeBundle } from './probe-component.ts';
import { openRefreshProcess, type RefreshProcess } from './refresh-process.ts';
import { openTestHouse, type TestHouse, type TestTenant } from './test-house.ts';
import { startTrialService, type TrialService } from './trial-service.ts';

export const publicUrl = 'http://127.0.0.1:4111';
/** The one key, beside living tokens, that the trial service takes. */
export const serviceKey = 'planted-service-key-4711';

export type RunnerProcess = RefreshProcess & { readonly runner: Runner };

export type RunnerHouse = {
  readonly house: TestHouse;
  readonly emulator: Emulator;
  readonly service: TrialService;
  readonly pool: HostPool;
  readonly packages: ComponentPackages;
  /** What runs executions in one process; give it other doors to be another one. */
  readonly process: (options?: Partial<RunnerDeps>) => Promise<RunnerProcess>;
  readonly publishProbe: (at?: TestTenant) => Promise<void>;
  readonly publish: (yaml: string, options?: PublishOptions) => Promise<Integration>;
  readonly instanceOf: (integration: Integration, options?: InstanceOptions) => Promise<Instance>;
  readonly deploy: (instance: Instance) => Promise<Instance>;
  readonly change: (
    instance: Instance,
    change: Parameters<typeof updateInstance>[0]['change'],
  ) => Promise<Instance>;
  readonly apiKeyCredential: (options?: CredentialOptions) => Promise<Credential>;
  readonly oauthCredential: (options?: {
    readonly expiresInSeconds?: number;
  }) => Promise<{ readonly credential: Credential; readonly accessToken: string }>;
  readonly trigger: (instance: Instance, options?: TriggerOptions) => Promise<Invoked>;
  readonly test: (instance: Instance, payload?: Partial<Payload>) => Promise<Invoked>;
  /** Jobs that wait, as tenants of the queue. */
  readonly queued: () => Promise<number>;
  /** Runs every job that waits, all at once, until none is left. */
  readonly work: (...runners: readonly RunnerProcess[]) => Promise<void>;
  readonly see: (id: ExecutionId, at?: TestTenant) => Promise<Execution>;
  readonly steps: (id: ExecutionId) => Promise<readonly StepResult[]>;
  readonly dataOf: (id: ExecutionId, position: number) => Promise<unknown>;
  readonly logsOf: (id: ExecutionId) => Promise<readonly ExecutionLogEntry[]>;
  /** By stable key. */
  readonly colours: (instance: Instance) => Promise<Readonly<Record<string, ConnectionStatus>>>;
  readonly connectionLog: (instance: Instance, stableKey: string) => Promise<readonly ConnectionLogEntry[]>;
  readonly close: () => Promise<void>;
};

export type PublishOptions = { readonly at?: TestTenant; readonly integrationId?: IntegrationId };
export type InstanceOptions = {
  readonly at?: TestTenant;
  readonly settings?: readonly Setting[];
  /** False leaves it configured only. */
  readonly isLive?: boolean;
};
export type CredentialOptions = { readonly at?: TestTenant; readonly unitId?: UnitId; readonly key?: string };
export type TriggerOptions = {
  readonly flowKey?: string;
  readonly payload?: Partial<Payload>;
  readonly apiKey?: string;
};

export async function openRunnerHouse(): Promise<RunnerHouse> {
  const house = await openTestHouse();
  const emulator = await startEmulator({ set: { rotation: 'always' } });
  const service = await startTrialService(
    async (token) => token === serviceKey || (await emulator.isLiveAccessToken(token)),
  );
  const folder = await mkdtemp(join(tmpdir(), 'runner-house-'));
  const pool = createHostPool({
    log: silentLog,
    dial: createDial({ allow: ['127.0.0.0/8'], log: silentLog }),
    maxProcesses: 4,
  });
  const { doors, vault } = house;
  const packages = createComponentPackages({ doors, folder: join(folder, 'packages') });
  const probePath = join(folder, 'probe.js');
  await writeFile(probePath, probeBundle);
  const acts = actsOf(house, emulator);

  return {
    house,
    emulator,
    service,
    pool,
    packages,
    ...acts,
    ...sightsOf(house),
    process: async (options = {}) => {
      const parts = await openRefreshProcess(house, emulator, options.doors ?? doors);
      const { reader, processId } = parts;
      const runner = createRunner({
        doors,
        vault,
        reader,
        useNotes: { note: () => {} },
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

function actsOf(house: TestHouse, emulator: Emulator) {
  const { doors, vault } = house;
  const publish: RunnerHouse['publish'] = async (yaml, { at = house, integrationId } = {}) =>
    await doors.withTenant(at.tenant, async (tx) => {
      const actor = at.owner;
      const source = { yaml };
      const draft = await importIntegration({
        tx,
        vault,
        actor,
        source,
        integrationId: integrationId ?? null,
      });
      await publishIntegration({ tx, vault, actor, integrationId: draft.id });
      return draft;
    });
  const deploy: RunnerHouse['deploy'] = (instance) =>
    doors.withTenant(instance.tenantId, (tx) => deployInstance({ tx, actor: house.owner, id: instance.id }));
  const change: RunnerHouse['change'] = (instance, wanted) =>
    doors.withTenant(instance.tenantId, (tx) =>
      updateInstance({ tx, actor: house.owner, id: instance.id, change: wanted }),
    );
  const instanceOf: RunnerHouse['instanceOf'] = async (
    integration,
    { at = house, settings = [], isLive = true } = {},
  ) => {
    const made = await doors.withTenant(at.tenant, (tx) =>
      createInstance({
        tx,
        actor: at.owner,
        customerId: at.customer.id,
        integrationId: integration.id,
        name: 'Instance',
        settings,
      }),
    );
    if (!isLive) return made;
    return await doors.withTenant(at.tenant, async (tx) => {
      await deployInstance({ tx, actor: at.owner, id: made.id });
      return await updateInstance({ tx, actor: at.owner, id: made.id, change: { isEnabled: true } });
    });
  };
  const apiKeyCredential: RunnerHouse['apiKeyCredential'] = async ({
    at = house,
    unitId,
    key = serviceKey,
  } = {}) =>
    await doors.withTenant(at.tenant, async (tx) =>
      createCredential({
        tx,
        vault,
        actor: at.owner,
        unitId: unitId ?? at.customer.id,
        label: `Key ${Math.random()}`,
        type: await getBuiltinType(tx, 'api_key'),
        values: new Map([['api_key', Plain.fromText(key)]]),
      }),
    );
  const oauthCredential: RunnerHouse['oauthCredential'] = async ({ expiresInSeconds = 3600 } = {}) => {
    const credential = await createOAuthCredential(house, emulator, { label: `OAuth ${Math.random()}` });
    const timing = { expiresInSeconds, dueInSeconds: expiresInSeconds };
    return { credential, ...(await connectAccount(house, emulator, credential, timing)) };
  };
  const flowOf = (instance: Instance, flowKey?: string) => {
    const flow = instance.flows.find((one) => flowKey === undefined || one.flowKey === flowKey);
    if (flow === undefined) throw new Error('no such flow');
    return flow;
  };
  const trigger: RunnerHouse['trigger'] = (instance, { flowKey, payload, apiKey } = {}) =>
    doors.withTenant(instance.tenantId, (tx) =>
      invokeTrigger({
        tx,
        vault,
        tenant: instance.tenantId,
        flowId: flowOf(instance, flowKey).id,
        payload: { ...emptyPayload, ...payload },
        apiKey: apiKey ?? null,
      }),
    );
  const test: RunnerHouse['test'] = (instance, payload) =>
    doors.withTenant(instance.tenantId, (tx) =>
      invokeTest({
        tx,
        vault,
        actor: house.owner,
        flowId: flowOf(instance).id,
        payload: { ...emptyPayload, ...payload },
      }),
    );
  return { publish, deploy, change, instanceOf, apiKeyCredential, oauthCredential, trigger, test };
}

function sightsOf(house: TestHouse) {
  const { doors, vault } = house;
  const see: RunnerHouse['see'] = (id, at = house) =>
    doors.withTenant(at.tenant, (tx) => getExecution({ tx, actor: at.owner, id }));
  const steps: RunnerHouse['steps'] = (executionId) =>
    doors.withTenant(house.tenant, (tx) => listStepResults({ tx, actor: house.owner, executionId }));
  const dataOf: RunnerHouse['dataOf'] = async (executionId, position) =>
    await doors.withTenant(house.tenant, async (tx) => {
      return (await openStepResult({ tx, vault, actor: house.owner, executionId, position })).data;
    });
  const logsOf: RunnerHouse['logsOf'] = async (executionId) =>
    await doors.withTenant(house.tenant, async (tx) => {
      const page = { tx, actor: house.owner, of: { executionId }, page: firstPage };
      return (await listExecutionLogs(page)).items;
    });
  const rowsOf = (instance: Instance) =>
    doors.withTenant(instance.tenantId, (tx) => selectInstanceConnections(tx, instance.id));
  const colours: RunnerHouse['colours'] = async (instance) =>
    Object.fromEntries((await rowsOf(instance)).map((row) => [row.stableKey ?? '', connectionStatus(row)]));
  const connectionLog: RunnerHouse['connectionLog'] = async (instance, stableKey) => {
    const row = (await rowsOf(instance)).find((one) => one.stableKey === stableKey);
    if (row === undefined) throw new Error('no such connection');
    return await doors.withTenant(instance.tenantId, async (tx) => {
      const of = { connectionId: row.id, credentialId: row.credentialId };
      return (await readConnectionLog(tx, of, firstPage)).items;
    });
  };
  return { see, steps, dataOf, logsOf, colours, connectionLog };
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
