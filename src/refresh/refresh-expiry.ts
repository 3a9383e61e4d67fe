// Says ahead of time that a refresh token is about to end: 7 days and 1 day before, once each, in the log that people read
// beside the credential and in the audit trail. Refreshing replaces most refresh tokens long before; those that are left
// need a person.
import { audit, systemActor } from '../audit/event.ts';
import {
  type DueWarnings,
  type DyingRefreshToken,
  selectDueWarnings,
  takeDueWarnings,
} from '../credentials/grant-schedule-store.ts';
import { writeConnectionLog } from '../credentials/log-store.ts';
import type { CredentialId } from '../kernel/ids.ts';
import { errorFields, type Log } from '../kernel/log.ts';
import type { Doors, Tx } from '../storage/doors.ts';

const everyMs = 60_000;
const batchSize = 200;
/** Bounds one round; what is left waits a minute. */
const maxBatches = 50;

export type ExpiryWarner = {
  readonly start: () => void;
  readonly stop: () => Promise<void>;
  /** Answers how many warnings were written. */
  readonly warnDue: () => Promise<number>;
};

export function createExpiryWarner(deps: { readonly doors: Doors; readonly log: Log }): ExpiryWarner {
  const { doors, log } = deps;
  let timer: NodeJS.Timeout | null = null;
  let round: Promise<number> | null = null;

  async function warnDue(): Promise<number> {
    let total = 0;
    for (let batch = 0; batch < maxBatches; batch += 1) {
      const due = await doors.asScheduler((tx) => selectDueWarnings(tx, batchSize));
      if (due.length === 0) break;
      const { warned, hasFailed } = await warnBatch(due);
      total += warned;
      // Those that fail stay due, and would be found again at once.
      if (hasFailed) break;
    }
    return total;
  }

  async function warnBatch(
    due: readonly DueWarnings[],
  ): Promise<{ readonly warned: number; readonly hasFailed: boolean }> {
    let warned = 0;
    let hasFailed = false;
    for (const { tenantId: tenant, credentialIds } of due) {
      try {
        // The warning and the note that it was given are one transaction: never twice, never lost.
        warned += await doors.withTenant(tenant, (tx) => warnTenant(tx, credentialIds));
      } catch (error) {
        hasFailed = true;
        log.warn('warnings of refresh tokens not written', { tenant, ...errorFields(error) });
      }
    }
    return { warned, hasFailed };
  }

  return {
    warnDue,
    start() {
      timer = setInterval(() => {
        round ??= warnDue()
          .catch((error: unknown) => {
            log.warn('looking for refresh tokens that end failed', errorFields(error));
            return 0;
          })
          .finally(() => {
            round = null;
          });
      }, everyMs);
      timer.unref();
    },
    async stop() {
      if (timer !== null) clearInterval(timer);
      await round;
    },
  };
}

async function warnTenant(tx: Tx, ids: readonly CredentialId[]): Promise<number> {
  const dying = await takeDueWarnings(tx, ids);
  for (const one of dying) await warn(tx, one);
  return dying.length;
}

async function warn(tx: Tx, { credentialId, endsAt }: DyingRefreshToken): Promise<void> {
  const day = endsAt.toISOString().slice(0, 10);
  await writeConnectionLog(tx, {
    credentialId,
    severity: 'warn',
    code: 'refresh_token_ending',
    message: `The refresh token ends at ${endsAt.toISOString()}. Connect the account again before ${day}, or the connection ends with it.`,
  });
  await audit(tx, {
    action: 'grant.refresh_ending',
    actor: systemActor,
    object: { kind: 'credential', id: credentialId },
    detail: { endsAt: endsAt.toISOString() },
  });
}
