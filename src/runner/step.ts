// One step: its row is written before anything happens, its connections and inputs are resolved, its code runs in a host
// process, and what it gave is sealed. Whoever finds the row without an end knows that nobody can tell what was done.

import type { ReadAudit } from '../audit/read-audit.ts';
import type { HostPool } from '../hosts/pool.ts';
import { type ComponentVersion, findComponentVersion } from '../integrations/component.ts';
import { actionOf, type ComponentAction } from '../integrations/component-lookup.ts';
import type { ComponentPackages } from '../integrations/component-package.ts';
import type { Step } from '../integrations/definition.ts';
import { resolveInputs } from '../integrations/inputs.ts';
import type { Clock } from '../kernel/clock.ts';
import { Fault, isFault } from '../kernel/fault.ts';
import { errorFields, type Log } from '../kernel/log.ts';
import type { UseNotes } from '../refresh/note-use.ts';
import type { TokenReader } from '../refresh/read-token.ts';
import type { Doors } from '../storage/doors.ts';
import { placeOf } from '../vault/sealed-columns.ts';
import type { Vault } from '../vault/vault.ts';
import type { ExecutionPlan } from './execution-plan.ts';
import { saveStates } from './flow-state.ts';
import type { LogWriter } from './log-writer.ts';
import { storable } from './log-writer.ts';
import { pack } from './packed.ts';
import { connectStep, type StepConnection, type UsedConnection } from './step-connections.ts';
import { type RunStates, stepContext } from './step-context.ts';
import { beginStep, endStep } from './step-store.ts';
import { issueTicket } from './ticket.ts';
import { endTickets } from './ticket-store.ts';

export type StepDeps = {
  readonly doors: Doors;
  readonly vault: Vault;
  readonly reader: Pick<TokenReader, 'readToken'>;
  readonly useNotes: Pick<UseNotes, 'note'>;
  readonly readAudit: Pick<ReadAudit, 'record'>;
  readonly pool: Pick<HostPool, 'perform'>;
  readonly packages: ComponentPackages;
  readonly clock: Clock;
  readonly log: Log;
  readonly publicUrl: string;
  readonly processId: string;
  readonly stepTimeoutMs: number;
};

export type StepRun = {
  readonly plan: ExecutionPlan;
  readonly step: Step;
  readonly position: number;
  readonly startedAt: Date;
  readonly results: ReadonlyMap<string, unknown>;
  readonly states: RunStates;
  readonly lines: LogWriter;
  readonly signal: AbortSignal;
};

export type StepEnd =
  | {
      readonly kind: 'succeeded';
      readonly data: unknown;
      readonly states: RunStates;
      readonly used: readonly UsedConnection[];
    }
  | {
      readonly kind: 'failed';
      readonly message: string;
      /** The connections that the step says are at fault. */
      readonly blamed: readonly UsedConnection[];
      /** Stopped from outside: trying again is not the step's to decide. */
      readonly isStopped: boolean;
    }
  /** Another process has taken the execution over, or it was deleted: nothing more is to be done. */
  | { readonly kind: 'lost' };

type Outcome = Exclude<StepEnd, { readonly kind: 'lost' }> & { readonly contentType?: string };

/** Extra life of a ticket: waiting for a free host process does not count as the step's time. */
const ticketSlackSeconds = 600;

export async function runStep(deps: StepDeps, run: StepRun): Promise<StepEnd> {
  const { tenantId: tenant, id: executionId } = run.plan.execution;
  const begun = await deps.doors.withTenant(tenant, (tx) =>
    beginStep(tx, {
      executionId,
      processId: deps.processId,
      position: run.position,
      stepName: storable(run.step.name),
    }),
  );
  if (!begun) return { kind: 'lost' };
  const outcome = await perform(deps, run).catch((error: unknown) => failedBy(error, run, deps.log));
  try {
    return await store(deps, run, outcome);
  } catch (error) {
    if (isFault(error, 'unavailable') || outcome.kind === 'failed') throw error;
    // What the step gave cannot be kept: it counts as failed.
    return await store(deps, run, failedBy(error, run, deps.log));
  }
}

/** The end of the step, whatever it was; and with a success what the step gave and what it keeps. */
async function store(
  deps: StepDeps,
  { plan, position, states }: StepRun,
  outcome: Outcome,
): Promise<StepEnd> {
  const { doors, vault, processId } = deps;
  const { tenantId: tenant, id: executionId, flowId, instanceId } = plan.execution;
  const isOurs = await doors.withTenant(tenant, async (tx) => {
    const end = { executionId, processId, position, status: outcome.kind };
    await endTickets(tx, executionId);
    if (outcome.kind === 'failed') {
      return await endStep(tx, { ...end, result: null, contentType: null, error: storable(outcome.message) });
    }
    const place = placeOf('stepResult', { tenant_id: tenant, execution_id: executionId, position });
    const contentType = outcome.contentType ?? null;
    const result = await vault.seal(
      tx,
      place,
      pack({ data: outcome.data ?? null, contentType: contentType ?? '' }),
    );
    const isEnded = await endStep(tx, { ...end, result, contentType, error: null });
    const owner = { tenant, flowId, instanceId };
    if (isEnded) await saveStates(tx, vault, owner, { before: states, after: outcome.states });
    return isEnded;
  });
  return isOurs ? outcome : { kind: 'lost' };
}

async function perform(deps: StepDeps, run: StepRun): Promise<Outcome> {
  const { plan, step, lines, signal } = run;
  const tenant = plan.execution.tenantId;
  const component = await componentOf(deps, run);
  const bundlePath = await deps.packages.pathOf(tenant, component.version);
  const connections = await connectStep(deps, plan, step);
  if (connections.kind === 'unauthorized') {
    const { used, fault } = connections;
    return {
      kind: 'failed',
      message: `${used.variable.key}: ${fault.public}`,
      blamed: [used],
      isStopped: false,
    };
  }
  const used = [...connections.byVariable.values()].filter((connection) => connection !== null);
  const prepared = prepare(deps, run, component.action, connections.byVariable);
  await deps.doors.withTenant(tenant, (tx) =>
    issueTicket(tx, {
      executionId: plan.execution.id,
      stepName: storable(step.name),
      credentialIds: used.map((connection) => connection.credentialId),
      livesForSeconds: Math.ceil(deps.stepTimeoutMs / 1000) + ticketSlackSeconds,
    }),
  );
  signal.throwIfAborted();
  const outcome = await deps.pool.perform({
    tenant,
    bundlePath,
    actionKey: step.action.key,
    ...prepared,
    timeoutMs: deps.stepTimeoutMs,
    onLog: ({ level, message }) => lines.write(level, message, step.name),
    secrets: used.flatMap((connection) => connection.resolved.secrets),
    signal,
  });
  return judged(outcome, run.states, used);
}

async function componentOf(
  deps: StepDeps,
  { plan, step }: StepRun,
): Promise<{ readonly version: ComponentVersion; readonly action: ComponentAction }> {
  const version = await deps.doors.withTenant(plan.execution.tenantId, (tx) =>
    findComponentVersion(tx, step.action.component),
  );
  const action = version === null ? null : actionOf(version, step.action.key);
  if (version !== null && action !== null) return { version, action };
  throw new Fault('not_found', `The component "${step.action.component.key}" or its action is not there.`, {
    cure: 'Publish it again, or correct the integration.',
  });
}

function prepare(
  deps: StepDeps,
  run: StepRun,
  action: ComponentAction,
  connections: ReadonlyMap<string, StepConnection | null>,
) {
  const { plan, step, position, results, states, startedAt } = run;
  const modern = [...connections].map(([key, one]) => [key, one?.resolved.modern ?? null] as const);
  const configVariables = new Map<string, unknown>([...plan.values, ...modern]);
  const given = resolveInputs(step, { configVariables, results });
  const legacy = step.credentialVariable === null ? null : connections.get(step.credentialVariable);
  const context = stepContext({
    plan,
    publicUrl: deps.publicUrl,
    startedAt,
    stepName: step.name,
    stepId: `${plan.execution.versionId}:${position}`,
    actionKey: step.action.key,
    configVariables,
    states,
    credential: legacy?.resolved.legacy ?? null,
  });
  return { context, params: { ...defaultsOf(action, given), ...given } };
}

/** Inputs that the integration says nothing of; connections have no defaults. */
function defaultsOf(
  action: ComponentAction,
  given: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    action.inputs
      .filter((input) => input.default !== undefined && !Object.hasOwn(given, input.key))
      .map((input) => [input.key, input.default]),
  );
}

type Performed = Awaited<ReturnType<HostPool['perform']>>;

function judged(outcome: Performed, states: RunStates, used: readonly StepConnection[]): Outcome {
  switch (outcome.kind) {
    case 'ok': {
      const { result } = outcome;
      if (result.failed === true) return failed('The component reports a failure.');
      return {
        kind: 'succeeded',
        data: result.data,
        ...(result.contentType === undefined
          ? {}
          : { contentType: storable(result.contentType).slice(0, 200) }),
        states: {
          flow: result.instanceState ?? states.flow,
          instance: result.crossFlowState ?? states.instance,
          execution: result.executionState ?? states.execution,
          integration: result.integrationState ?? states.integration,
        },
        used,
      };
    }
    case 'error':
      return failed(outcome.message, outcome.isConnectionError ? blame(outcome.connection, used) : []);
    case 'timeout':
      return failed(`The step took longer than ${Math.round(outcome.timeoutMs / 1000)} s and was stopped.`);
    case 'crashed':
      return failed(outcome.message);
  }
}

/** The component names the connection; it can only speak of those that it was given. */
function blame(
  named: { readonly key: string | null; readonly configVarKey: string | null } | null,
  used: readonly UsedConnection[],
): readonly UsedConnection[] {
  const exact = used.filter((one) => one.variable.key === named?.configVarKey);
  return exact.length > 0 ? exact : used.slice(0, used.length === 1 ? 1 : 0);
}

function failed(message: string, blamed: readonly UsedConnection[] = [], isStopped = false): Outcome {
  return { kind: 'failed', message, blamed, isStopped };
}

/** Faults are told as they are; anything else is a bug of ours, told to the operator alone. */
function failedBy(error: unknown, { plan, signal }: StepRun, log: Log): Outcome {
  if (signal.aborted) return failed('The server was stopped before the step ended.', [], true);
  if (isFault(error)) return failed(error.public);
  log.error('a step ended unexpectedly', { execution: plan.execution.id, ...errorFields(error) });
  return failed('The server could not run the step.');
}
