// What becomes of executions whose process died. One that had begun no step starts over: nothing has happened yet. One
// that had is failed, with the step that was open: nobody knows what it did outside, so it never runs twice by itself.
import type { ExecutionId } from '../kernel/ids.ts';
import type { Log } from '../kernel/log.ts';
import type { Doors, Tx } from '../storage/doors.ts';
import { isOneQueued, lockCustomer } from './execution-store.ts';
import { wake } from './invoke.ts';
import {
  failOpenSteps,
  failOrphan,
  type Orphan,
  requeue,
  selectOrphanCustomers,
  selectOrphans,
} from './recovery-store.ts';
import { endTickets } from './ticket-store.ts';

/** After as many processes that died under it, an execution is suspected to be the reason. */
const maxClaims = 3;

/** How many executions were taken back. */
export async function recoverExecutions(deps: {
  readonly doors: Doors;
  readonly log: Log;
  readonly processId: string;
  /** What this process works on; what else it has claimed was lost when the database was away. */
  readonly active: ReadonlySet<ExecutionId>;
}): Promise<number> {
  const { doors, log } = deps;
  const living = { processId: deps.processId, active: [...deps.active] };
  let total = 0;
  for (const { tenantId, customerId } of await doors.asScheduler((tx) => selectOrphanCustomers(tx, living))) {
    total += await doors.withTenant(tenantId, async (tx) => {
      await lockCustomer(tx, customerId);
      const orphans = await selectOrphans(tx, customerId, { ...living, active: [...deps.active] });
      for (const orphan of orphans) await takeBack(tx, orphan);
      // As many places are free now; each wake-up fills one.
      for (const _ of orphans) if (await isOneQueued(tx, customerId)) await wake(tx, customerId);
      return orphans.length;
    });
  }
  if (total > 0) log.warn('took back executions of a process that ended', { count: total });
  return total;
}

async function takeBack(tx: Tx, orphan: Orphan): Promise<void> {
  await endTickets(tx, orphan.id);
  if (!orphan.hasBegunSteps && orphan.claimCount < maxClaims) return await requeue(tx, orphan.id);
  const reason = reasonOf(orphan);
  await failOpenSteps(tx, orphan.id, reason);
  await failOrphan(tx, orphan.id, reason);
}

function reasonOf({ openStep, hasBegunSteps }: Orphan): string {
  if (!hasBegunSteps)
    return 'The server process ended each time this execution began. It is not begun again.';
  return openStep === null
    ? 'The server process ended between two steps. Nothing is repeated by itself: trigger the flow again if needed.'
    : `The server process ended while the step "${openStep}" ran. What it had done is unknown, so it is not repeated: look, then trigger the flow again.`;
}
