// How many executions of a customer run at once, over all processes; and what becomes of those whose process dies.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { fixed, probeYaml } from '../../testing/probe-flow.ts';
import { openRunnerHouse, type RunnerHouse, type RunnerProcess } from '../../testing/runner-house.ts';
import { deleteInstance, type Instance } from '../integrations/instance.ts';
import { silentLog } from '../kernel/log.ts';
import { startWorker } from '../storage/worker.ts';
import { updateUnit } from '../tenancy/unit.ts';
import { claimOldest, endExecution } from './execution-store.ts';
import { executionJob } from './invoke.ts';
import { beginStep, endStep } from './step-store.ts';
import { checkTicket, issueTicket } from './ticket.ts';

let rooms: RunnerHouse;
let instance: Instance;
beforeAll(async () => {
  rooms = await openRunnerHouse();
  await rooms.publishProbe();
  const url = fixed(`${rooms.service.url}/gate`);
  const steps = [{ name: 'Gate', action: 'call', inputs: { url } }];
  instance = await rooms.instanceOf(await rooms.publish(probeYaml({ steps })));
});
beforeEach(() => rooms.service.shut());
afterAll(() => rooms.close());

const limitTo = (limit: number | null) =>
  rooms.house.doors.withTenant(rooms.house.tenant, (tx) =>
    updateUnit({
      tx,
      actor: rooms.house.owner,
      id: rooms.house.customer.id,
      change: { concurrentExecutionLimit: limit },
    }),
  );

const statuses = async (ids: readonly { readonly executionId: Parameters<RunnerHouse['see']>[0] }[]) => {
  const seen = await Promise.all(ids.map(({ executionId }) => rooms.see(executionId)));
  return seen.map((execution) => execution.status);
};

const callHandler = (process: RunnerProcess, signal = new AbortController().signal) =>
  process.runner.handlers[executionJob]?.(
    { tenantId: rooms.house.tenant, customerId: rooms.house.customer.id },
    { signal, attempt: 1, isLastAttempt: false },
  );

/** As if the process had been killed: no sign of life any more. */
const bury = (process: RunnerProcess) => process.heartbeat.end();

test('of 20 triggers at once as many run as the customer may, over two processes; none is forgotten', async () => {
  await limitTo(3);
  const one = await rooms.process();
  const other = await rooms.process({ doors: rooms.house.database.again().doors });
  const invoked = await Promise.all(Array.from({ length: 20 }, () => rooms.trigger(instance)));
  const working = rooms.work(one, other);
  await rooms.service.whenWaiting(3);
  const early = await statuses(invoked);
  expect(early.filter((status) => status === 'running')).toHaveLength(3);
  expect(early.filter((status) => status === 'queued')).toHaveLength(17);
  rooms.service.open();
  await working;
  expect(new Set(await statuses(invoked))).toEqual(new Set(['succeeded']));
  expect(rooms.service.most()).toBe(3);
  await limitTo(null);
}, 90_000);

test('without a limit of its own a customer has that of the installation; the oldest goes first', async () => {
  const worker = await rooms.process({ customerLimit: 1 });
  const invoked = [await rooms.trigger(instance), await rooms.trigger(instance)] as const;
  const working = rooms.work(worker);
  await rooms.service.whenWaiting(1);
  expect(await statuses(invoked)).toEqual(['running', 'queued']);
  rooms.service.open();
  await working;
  expect(await statuses(invoked)).toEqual(['succeeded', 'succeeded']);
});

test('an execution whose process dies in a step is failed with the reason, and the step is not run again', async () => {
  const dying = await rooms.process();
  const surviving = await rooms.process();
  const { executionId } = await rooms.trigger(instance);
  const working = rooms.work(dying);
  await rooms.service.whenWaiting(1);
  expect(await surviving.runner.recover()).toBe(0);
  await bury(dying);
  expect(await surviving.runner.recover()).toBe(1);
  const failed = await rooms.see(executionId);
  expect(failed).toMatchObject({
    status: 'failed',
    error:
      'The server process ended while the step "Gate" ran. What it had done is unknown, so it is not repeated: look, then trigger the flow again.',
  });
  await rooms.work(surviving);
  // The process was only slow: what it comes back with counts for nothing, and it goes no further.
  rooms.service.open();
  await working;
  expect(await rooms.see(executionId)).toEqual(failed);
  const steps = await rooms.steps(executionId);
  expect(steps.map((step) => [step.stepName, step.status])).toEqual([
    ['Hook', 'succeeded'],
    ['Gate', 'failed'],
  ]);
  expect(rooms.service.most()).toBe(1);
});

test('an execution whose process dies before any step starts over, but not for ever', async () => {
  const { doors, tenant } = rooms.house;
  const { executionId } = await rooms.trigger(instance);
  const surviving = await rooms.process();
  for (const expected of ['queued', 'queued', 'failed']) {
    const dying = await rooms.process();
    const claim = { customerId: rooms.house.customer.id, processId: dying.processId, limit: 10 };
    expect(await doors.withTenant(tenant, (tx) => claimOldest(tx, claim))).toBe(executionId);
    await bury(dying);
    expect(await surviving.runner.recover()).toBe(1);
    expect((await rooms.see(executionId)).status).toBe(expected);
  }
  expect((await rooms.see(executionId)).error).toContain('ended each time this execution began');
  await rooms.work(surviving);
});

test('a process that was thought dead and comes back begins nothing, ends nothing and decides nothing', async () => {
  const { doors, tenant } = rooms.house;
  const { executionId } = await rooms.trigger(instance);
  const [slow, other] = [await rooms.process(), await rooms.process()];
  const claim = (process: RunnerProcess) =>
    doors.withTenant(tenant, (tx) =>
      claimOldest(tx, { customerId: rooms.house.customer.id, processId: process.processId, limit: 10 }),
    );
  const begin = (process: RunnerProcess, position: number) =>
    doors.withTenant(tenant, (tx) =>
      beginStep(tx, { executionId, processId: process.processId, position, stepName: 'Hook' }),
    );
  const end = (process: RunnerProcess, position: number) =>
    doors.withTenant(tenant, (tx) => {
      const key = { executionId, processId: process.processId, position, status: 'failed' } as const;
      return endStep(tx, { ...key, result: null, contentType: null, error: null });
    });
  const decide = (process: RunnerProcess) =>
    doors.withTenant(tenant, (tx) =>
      endExecution(tx, { id: executionId, processId: process.processId, status: 'failed', error: null }),
    );
  await claim(slow);
  expect(await begin(slow, 0)).toBe(true);
  await bury(slow);
  await other.runner.recover();
  expect(await claim(other)).toBe(executionId);
  expect([await begin(slow, 1), await end(slow, 0), await decide(slow)]).toEqual([false, false, false]);
  expect([await begin(other, 0), await end(other, 0), await decide(other)]).toEqual([true, true, true]);
  await rooms.work(other);
});

test('what one process claimed and lost sight of is taken back, what it works on is not', async () => {
  const worker = await rooms.process();
  const [lost, live] = [await rooms.trigger(instance), await rooms.trigger(instance)];
  const claim = { customerId: rooms.house.customer.id, processId: worker.processId, limit: 10 };
  await rooms.house.doors.withTenant(rooms.house.tenant, (tx) => claimOldest(tx, claim));
  const working = callHandler(worker);
  await rooms.service.whenWaiting(1);
  expect(await worker.runner.recover()).toBe(1);
  expect(await statuses([lost, live])).toEqual(['queued', 'running']);
  rooms.service.open();
  await working;
  await rooms.work(worker);
  expect(await statuses([lost, live])).toEqual(['succeeded', 'succeeded']);
});

test('a shutdown lets a step end, or stops it and says so; whoever waits is woken for another process', async () => {
  await limitTo(1);
  const { database } = rooms.house.database;
  const stopping = await rooms.process();
  const [stopped, next] = [await rooms.trigger(instance), await rooms.trigger(instance)];
  const worker = await startWorker(database, stopping.runner.handlers, {
    concurrency: 2,
    log: silentLog,
    graceMs: 50,
  });
  await rooms.service.whenWaiting(1);
  await worker.stop();
  expect(await rooms.see(stopped.executionId)).toMatchObject({
    status: 'failed',
    error: 'Step "Gate": The server was stopped before the step ended.',
  });
  expect((await rooms.see(next.executionId)).status).toBe('queued');
  expect(await rooms.queued()).toBeGreaterThan(0);
  rooms.service.open();
  await rooms.work(await rooms.process());
  expect((await rooms.see(next.executionId)).status).toBe('succeeded');
  await limitTo(null);
});

test('an instance that is deleted under a running step leaves nothing behind, and holds up nobody', async () => {
  await limitTo(1);
  const worker = await rooms.process();
  const doomed = await rooms.instanceOf(
    await rooms.publish(
      probeYaml({
        steps: [{ name: 'Gate', action: 'call', inputs: { url: fixed(`${rooms.service.url}/gate`) } }],
      }),
    ),
  );
  const { executionId } = await rooms.trigger(doomed);
  const next = await rooms.trigger(instance);
  const working = rooms.work(worker);
  await rooms.service.whenWaiting(1);
  await rooms.house.doors.withTenant(rooms.house.tenant, (tx) =>
    deleteInstance({ tx, actor: rooms.house.owner, id: doomed.id }),
  );
  rooms.service.open();
  await working;
  await expect(rooms.see(executionId)).rejects.toMatchObject({ code: 'not_found' });
  expect((await rooms.see(next.executionId)).status).toBe('succeeded');
  await limitTo(null);
});

test('a ticket gives its credentials while its step runs, and nothing afterwards or elsewhere', async () => {
  const worker = await rooms.process();
  const other = await rooms.house.addTenant('Ticket thief');
  const credential = await rooms.apiKeyCredential();
  const inputs = { url: fixed(`${rooms.service.url}/gate`) };
  const twice = await rooms.instanceOf(
    await rooms.publish(
      probeYaml({
        steps: [
          { name: 'One', action: 'call', inputs },
          { name: 'Two', action: 'call', inputs },
        ],
      }),
    ),
  );
  const { executionId } = await rooms.trigger(twice);
  const working = rooms.work(worker);
  await rooms.service.whenWaiting(1);
  const { doors, tenant } = rooms.house;
  const issue = (livesForSeconds: number) =>
    doors.withTenant(tenant, (tx) =>
      issueTicket(tx, { executionId, stepName: 'One', credentialIds: [credential.id], livesForSeconds }),
    );
  const ticket = (await issue(60)).revealText();
  const check = (text: string, at = tenant) => doors.withTenant(at, (tx) => checkTicket(tx, text));
  expect(await check(ticket)).toEqual({ executionId, stepName: 'One', credentialIds: [credential.id] });
  expect(await check(ticket, other.tenant)).toBeNull();
  expect(await check(`${ticket}x`)).toBeNull();
  expect(await check((await issue(0)).revealText())).toBeNull();
  rooms.service.releaseOne();
  await rooms.service.whenWaiting(1);
  expect((await rooms.see(executionId)).status).toBe('running');
  expect(await check(ticket)).toBeNull();
  const second = (await issue(60)).revealText();
  rooms.service.open();
  await working;
  expect(await check(second)).toBeNull();
});
