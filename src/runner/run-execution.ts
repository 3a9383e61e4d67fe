// One execution, from its trigger to its last step. Steps run one after the other; what happens to the connections is
// decided here: a connection at fault turns red at once, the others green when the whole execution has succeeded. Test
// runs change no colours.
import { setTimeout as sleep } from 'node:timers/promises';
import { markError, markHealthy } from '../connections/connection.ts';
import type { Step } from '../integrations/definition.ts';
import { referenceKey } from '../integrations/reference.ts';
import { isFault } from '../kernel/fault.ts';
import type { ExecutionId, TenantId, UnitId } from '../kernel/ids.ts';
import { errorFields } from '../kernel/log.ts';
import { placeOf } from '../vault/sealed-columns.ts';
import { type ExecutionPlan, loadPlan } from './execution-plan.ts';
import { endExecution, isOneQueued, lockCustomer } from './execution-store.ts';
import { wake } from './invoke.ts';
import { createLogWriter, type LogWriter, storable } from './log-writer.ts';
import { pack } from './packed.ts';
import { runStep, type StepDeps, type StepEnd } from './step.ts';
import { isStillMeant, type UsedConnection } from './step-connections.ts';
import { type RunStates, triggerResult } from './step-context.ts';
import { beginStep, endStep } from './step-store.ts';
import { endTickets } from './ticket-store.ts';

export type Claimed = {
  readonly tenant: TenantId;
  readonly executionId: ExecutionId;
  readonly customerId: UnitId;
};

type End =
  | { readonly kind: 'ended'; readonly error: string | null; readonly used: readonly UsedConnection[] }
  | { readonly kind: 'lost' };

/** Never throws for what the execution does; only when the database is away for its end. */
export async function runExecution(deps: StepDeps, claimed: Claimed, signal: AbortSignal): Promise<void> {
  let plan: ExecutionPlan | null = null;
  let end: End;
  try {
    plan = await deps.doors.withTenant(claimed.tenant, (tx) =>
      loadPlan(tx, deps.vault, claimed.tenant, claimed.executionId),
    );
    end = await runFlow(deps, plan, signal);
  } catch (error) {
    deps.log.error('an execution ended unexpectedly', {
      execution: claimed.executionId,
      ...errorFields(error),
    });
    const message = isFault(error) ? error.public : 'The server could not run the execution.';
    end = { kind: 'ended', error: message, used: [] };
  }
  await finish(deps, claimed, plan, end);
}

async function runFlow(deps: StepDeps, plan: ExecutionPlan, signal: AbortSignal): Promise<End> {
  const { doors, clock, log } = deps;
  const { tenantId: tenant, id: executionId, instanceId } = plan.execution;
  const lines = createLogWriter({ doors, clock, log, tenant, executionId, instanceId });
  try {
    return await runSteps(deps, plan, lines, signal);
  } finally {
    await lines.flush();
  }
}

async function runSteps(
  deps: StepDeps,
  plan: ExecutionPlan,
  lines: LogWriter,
  signal: AbortSignal,
): Promise<End> {
  const startedAt = deps.clock.now();
  const [trigger, ...steps] = plan.flow.steps;
  const results = new Map<string, unknown>();
  const healthy = new Map<string, UsedConnection>();
  const faulty = new Set<string>();
  let states: RunStates = { ...plan.states, execution: {}, integration: {} };
  if (trigger !== undefined) {
    const result = triggerResult({ plan, publicUrl: deps.publicUrl, startedAt });
    if (!(await storeTrigger(deps, plan, trigger, result))) return { kind: 'lost' };
    results.set(referenceKey(trigger.name), result);
  }
  for (const [index, step] of steps.entries()) {
    const run = { plan, step, position: index + 1, startedAt, results, states, lines, signal };
    const end = await withRetries(deps, run, lines);
    if (end.kind === 'lost') return { kind: 'lost' };
    if (end.kind === 'succeeded') {
      states = end.states;
      results.set(referenceKey(step.name), end.data);
      for (const used of end.used) healthy.set(used.connectionId, used);
      continue;
    }
    lines.write('error', end.message, step.name);
    if (!plan.isTest) await blame(deps, plan, end);
    for (const used of end.blamed) faulty.add(used.connectionId);
    if (step.onError?.kind !== 'ignore' || end.isStopped) {
      return { kind: 'ended', error: `Step "${step.name}": ${end.message}`, used: [] };
    }
    results.set(referenceKey(step.name), null);
  }
  return {
    kind: 'ended',
    error: null,
    used: [...healthy.values()].filter((one) => !faulty.has(one.connectionId)),
  };
}

/** What started the flow stands before its steps, as the result of step 0. */
async function storeTrigger(
  deps: StepDeps,
  plan: ExecutionPlan,
  trigger: Step,
  data: Readonly<Record<string, unknown>>,
): Promise<boolean> {
  const { tenantId: tenant, id: executionId } = plan.execution;
  const key = { executionId, processId: deps.processId, position: 0 };
  return await deps.doors.withTenant(tenant, async (tx) => {
    if (!(await beginStep(tx, { ...key, stepName: storable(trigger.name) }))) return false;
    const place = placeOf('stepResult', { tenant_id: tenant, execution_id: executionId, position: 0 });
    const result = await deps.vault.seal(tx, place, pack({ data, contentType: '' }));
    return await endStep(tx, { ...key, status: 'succeeded', result, contentType: null, error: null });
  });
}

/** Again only where the author of the integration says so, and each time with a line in the log. */
async function withRetries(
  deps: StepDeps,
  run: Parameters<typeof runStep>[1],
  lines: LogWriter,
): Promise<StepEnd> {
  const { onError, name } = run.step;
  const retries = onError?.kind === 'retry' ? onError.maxAttempts : 0;
  for (let attempt = 0; ; attempt += 1) {
    const end = await runStep(deps, run);
    if (end.kind !== 'failed' || end.isStopped || attempt >= retries) return end;
    const delaySeconds = onError?.delaySeconds ?? 0;
    lines.write(
      'warn',
      `${end.message} Trying again in ${delaySeconds} s (${attempt + 1} of ${retries}).`,
      name,
    );
    await sleep(delaySeconds * 1000, undefined, { signal: run.signal }).catch(() => {});
    if (run.signal.aborted) return { ...end, isStopped: true };
  }
}

async function blame(
  deps: StepDeps,
  plan: ExecutionPlan,
  end: Extract<StepEnd, { readonly kind: 'failed' }>,
): Promise<void> {
  const { tenantId: tenant, id: executionId } = plan.execution;
  await deps.doors.withTenant(tenant, async (tx) => {
    for (const used of end.blamed) {
      if (!(await isStillMeant(tx, used))) continue;
      await markError(tx, { connectionId: used.connectionId, executionId, reason: storable(end.message) });
    }
  });
}

/** Under the customer's lock: whoever waits for its place sees either the free place or the job that is made here. */
async function finish(deps: StepDeps, claimed: Claimed, plan: ExecutionPlan | null, end: End): Promise<void> {
  const { tenant, executionId: id, customerId } = claimed;
  await deps.doors.withTenant(tenant, async (tx) => {
    await lockCustomer(tx, customerId);
    if (end.kind === 'ended') {
      const status = end.error === null ? 'succeeded' : 'failed';
      const error = end.error === null ? null : storable(end.error);
      const isOurs = await endExecution(tx, { id, processId: deps.processId, status, error });
      if (isOurs) {
        await endTickets(tx, id);
        if (plan !== null && !plan.isTest && end.error === null) {
          for (const used of end.used) {
            if (await isStillMeant(tx, used)) {
              await markHealthy(tx, { connectionId: used.connectionId, executionId: id });
            }
          }
        }
      }
    }
    if (await isOneQueued(tx, customerId)) await wake(tx, customerId);
  });
}
