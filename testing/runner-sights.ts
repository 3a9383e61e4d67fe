// What tests of the runner look at: executions, results, logs, colours.
import { selectInstanceConnections } from '../src/connections/connection-store.ts';
import { type ConnectionStatus, connectionStatus } from '../src/connections/status.ts';
import { type ConnectionLogEntry, readConnectionLog } from '../src/credentials/log-store.ts';
import type { Instance } from '../src/integrations/instance.ts';
import type { ExecutionId } from '../src/kernel/ids.ts';
import { firstPage } from '../src/kernel/page.ts';
import {
  type Execution,
  type ExecutionLogEntry,
  getExecution,
  listExecutionLogs,
  listStepResults,
  openStepResult,
  type StepResult,
} from '../src/runner/execution.ts';
import type { TestHouse, TestTenant } from './test-house.ts';

export type Sights = {
  readonly see: (id: ExecutionId, at?: TestTenant) => Promise<Execution>;
  readonly steps: (id: ExecutionId) => Promise<readonly StepResult[]>;
  readonly dataOf: (id: ExecutionId, position: number) => Promise<unknown>;
  readonly logsOf: (id: ExecutionId) => Promise<readonly ExecutionLogEntry[]>;
  /** By stable key. */
  readonly colours: (instance: Instance) => Promise<Readonly<Record<string, ConnectionStatus>>>;
  readonly connectionLog: (instance: Instance, stableKey: string) => Promise<readonly ConnectionLogEntry[]>;
};

export function sightsOf(house: TestHouse): Sights {
  const { doors, vault } = house;
  const see: Sights['see'] = (id, at = house) =>
    doors.withTenant(at.tenant, (tx) => getExecution({ tx, actor: at.owner, id }));
  const steps: Sights['steps'] = (executionId) =>
    doors.withTenant(house.tenant, (tx) => listStepResults({ tx, actor: house.owner, executionId }));
  const dataOf: Sights['dataOf'] = async (executionId, position) =>
    await doors.withTenant(house.tenant, async (tx) => {
      return (await openStepResult({ tx, vault, actor: house.owner, executionId, position })).data;
    });
  const logsOf: Sights['logsOf'] = async (executionId) =>
    await doors.withTenant(house.tenant, async (tx) => {
      const page = { tx, actor: house.owner, of: { executionId }, page: firstPage };
      return (await listExecutionLogs(page)).items;
    });
  const rowsOf = (instance: Instance) =>
    doors.withTenant(instance.tenantId, (tx) => selectInstanceConnections(tx, instance.id));
  const colours: Sights['colours'] = async (instance) =>
    Object.fromEntries((await rowsOf(instance)).map((row) => [row.stableKey ?? '', connectionStatus(row)]));
  const connectionLog: Sights['connectionLog'] = async (instance, stableKey) => {
    const row = (await rowsOf(instance)).find((one) => one.stableKey === stableKey);
    if (row === undefined) throw new Error('no such connection');
    return await doors.withTenant(instance.tenantId, async (tx) => {
      const of = { connectionId: row.id, credentialId: row.credentialId };
      return (await readConnectionLog(tx, of, firstPage)).items;
    });
  };
  return { see, steps, dataOf, logsOf, colours, connectionLog };
}
