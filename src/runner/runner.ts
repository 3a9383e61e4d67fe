// The runner: a job wakes it for a customer, it claims the longest waiting execution that may run, and runs it. How many
// run at once per customer is counted in the rows of executions, so that it holds over all processes; how many in this
// process is the worker's own number.
import type { ExecutionId, TenantId, UnitId } from '../kernel/ids.ts';
import { isUuid } from '../kernel/ids.ts';
import { errorFields } from '../kernel/log.ts';
import type { JobHandler } from '../storage/job-handler.ts';
import { claimOldest, lockCustomer } from './execution-store.ts';
import { executionJob } from './invoke.ts';
import { recoverExecutions } from './recover.ts';
import { type Claimed, runExecution } from './run-execution.ts';
import type { StepDeps } from './step.ts';

export type RunnerDeps = Omit<StepDeps, 'stepTimeoutMs'> & {
  /** Executions at once of a customer without a limit of its own. */
  readonly customerLimit?: number;
  readonly stepTimeoutMs?: number;
};

export type Runner = {
  /** For a worker of its own: an execution holds its place for as long as it runs. */
  readonly handlers: Readonly<Record<string, JobHandler>>;
  /** Looks for executions of dead processes, now and every few seconds. */
  readonly start: () => void;
  readonly stop: () => Promise<void>;
  readonly recover: () => Promise<number>;
};

const defaultCustomerLimit = 10;
const defaultStepTimeoutMs = 300_000;
const recoverMs = 5_000;

export function createRunner(deps: RunnerDeps): Runner {
  const { doors, log, processId } = deps;
  const customerLimit = deps.customerLimit ?? defaultCustomerLimit;
  const stepDeps: StepDeps = { ...deps, stepTimeoutMs: deps.stepTimeoutMs ?? defaultStepTimeoutMs };
  const active = new Set<ExecutionId>();
  let timer: NodeJS.Timeout | null = null;
  let round: Promise<unknown> = Promise.resolve();

  async function claim(tenant: TenantId, customerId: UnitId): Promise<ExecutionId | null> {
    return await doors.withTenant(tenant, async (tx) => {
      const own = await lockCustomer(tx, customerId);
      if (own === undefined) return null;
      const claimed = await claimOldest(tx, { customerId, processId, limit: own ?? customerLimit });
      // Before the commit: from then on recovery looks for what is claimed and not worked on.
      if (claimed !== null) active.add(claimed);
      return claimed;
    });
  }

  const runNext: JobHandler = async (payload, { signal }) => {
    const wanted = readPayload(payload);
    if (wanted === null) return;
    // Thrown, so that the wake-up stays for the next process.
    signal.throwIfAborted();
    const executionId = await claim(wanted.tenant, wanted.customerId);
    // None waits, or as many run as may: then the next one that ends wakes somebody.
    if (executionId === null) return;
    try {
      await runExecution(stepDeps, { ...wanted, executionId }, signal);
    } finally {
      active.delete(executionId);
    }
  };

  const recover = () => recoverExecutions({ doors, log, processId, active });
  const tick = () => {
    round = recover().catch((error: unknown) => log.warn('recovery round failed', errorFields(error)));
  };
  return {
    handlers: { [executionJob]: runNext },
    start: () => {
      tick();
      timer = setInterval(tick, recoverMs);
      timer.unref();
    },
    stop: async () => {
      if (timer !== null) clearInterval(timer);
      await round;
    },
    recover,
  };
}

function readPayload(payload: unknown): Omit<Claimed, 'executionId'> | null {
  if (typeof payload !== 'object' || payload === null) return null;
  if (!('tenantId' in payload && isUuid(payload.tenantId))) return null;
  if (!('customerId' in payload && isUuid(payload.customerId))) return null;
  return { tenant: payload.tenantId as TenantId, customerId: payload.customerId as UnitId };
}
