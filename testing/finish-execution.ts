// An execution that has run, without a worker and a host.

import { type ExecutionId, newId } from '../src/kernel/ids.ts';
import { claimOldest, endExecution, selectExecution } from '../src/runner/execution-store.ts';
import { pack } from '../src/runner/packed.ts';
import { beginStep, endStep, insertLogs } from '../src/runner/step-store.ts';
import { placeOf } from '../src/vault/sealed-columns.ts';
import type { TestHouse, TestTenant } from './test-house.ts';

/** What a worker would write: two steps, the second with a result, and two lines of log. */
export async function finishExecution(
  rooms: TestHouse,
  id: ExecutionId,
  at: TestTenant = rooms,
): Promise<void> {
  const { doors, vault } = rooms;
  const { tenant, customer } = at;
  const processId = newId<never>() as string;
  await doors.withTenant(tenant, async (tx) => {
    const claimed = await claimOldest(tx, { customerId: customer.id, processId, limit: 5 });
    if (claimed !== id) throw new Error('another execution waits');
    const execution = await selectExecution(tx, id);
    if (execution === null) throw new Error('there is no such execution');
    const { instanceId } = execution;
    for (const [position, stepName] of ['On Call', 'List Things'].entries()) {
      const step = { executionId: id, processId, position, stepName };
      await beginStep(tx, step);
      const place = placeOf('stepResult', { tenant_id: tenant, execution_id: id, position });
      const result = await vault.seal(
        tx,
        place,
        pack({ data: { things: [1, 2] }, contentType: 'application/json' }),
      );
      await endStep(tx, {
        ...step,
        status: 'succeeded',
        result,
        contentType: 'application/json',
        error: null,
      });
    }
    const line = { stepName: null, at: new Date('2026-01-01T00:00:00Z') };
    await insertLogs(tx, { executionId: id, instanceId }, [
      { ...line, severity: 30, message: 'begin' },
      { ...line, severity: 50, message: 'trouble' },
    ]);
    await endExecution(tx, { id, processId, status: 'succeeded', error: null });
  });
}
