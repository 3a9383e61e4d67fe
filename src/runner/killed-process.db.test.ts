// A worker process that is really killed while a step of it runs.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fixed, probeYaml } from '../../testing/probe-flow.ts';
import { openRunnerHouse, type RunnerHouse } from '../../testing/runner-house.ts';
import type { RunnerProcessPlan } from '../../testing/runner-process.ts';

let rooms: RunnerHouse;
let folder: string;
beforeAll(async () => {
  rooms = await openRunnerHouse();
  await rooms.publishProbe();
  folder = await mkdtemp(join(tmpdir(), 'killed-process-'));
});
afterAll(async () => {
  await rooms.close();
  await rm(folder, { recursive: true, force: true });
});

test('after a kill -9 in a step its code is gone too, the execution is failed, and the step ran once', async () => {
  const url = fixed(`${rooms.service.url}/gate`);
  const integration = await rooms.publish(
    probeYaml({ steps: [{ name: 'Gate', action: 'call', inputs: { url } }] }),
  );
  const instance = await rooms.instanceOf(integration);
  const { database, testVault } = rooms.house;
  const roles = ['owner', 'app', 'scheduler', 'locator', 'accounts'] as const;
  const plan: RunnerProcessPlan = {
    url: database.url,
    logins: Object.fromEntries(
      roles.map((role) => [role, database.login(role)]),
    ) as RunnerProcessPlan['logins'],
    vaultFolder: testVault.folder,
    packagesFolder: folder,
    processId: randomUUID(),
  };
  const script = fileURLToPath(new URL('../../testing/runner-process.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', script, JSON.stringify(plan)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  await once(child.stdout, 'data');
  const { executionId } = await rooms.trigger(instance);
  await rooms.service.whenWaiting(1);
  child.kill('SIGKILL');
  await exited;
  // The host process of the step held the only connection to the service.
  await rooms.service.whenNobodyWaits();
  const survivor = await rooms.process();
  expect(await survivor.runner.recover()).toBe(0);
  // Time passes without a sign of life.
  await rooms.house.doors.asScheduler((tx) =>
    sql`update process set heartbeat_at = heartbeat_at - interval '1 minute' where id = ${plan.processId}`.execute(
      tx,
    ),
  );
  expect(await survivor.runner.recover()).toBe(1);
  expect(await rooms.see(executionId)).toMatchObject({
    status: 'failed',
    error: expect.stringContaining('The server process ended while the step "Gate" ran.'),
  });
  rooms.service.open();
  await rooms.work(survivor);
  expect((await rooms.steps(executionId)).map((step) => [step.stepName, step.status])).toEqual([
    ['Hook', 'succeeded'],
    ['Gate', 'failed'],
  ]);
  expect(rooms.service.most()).toBe(1);
  // The customer's place is free again.
  const next = await rooms.trigger(instance);
  await rooms.work(survivor);
  expect((await rooms.see(next.executionId)).status).toBe('succeeded');
}, 90_000);
