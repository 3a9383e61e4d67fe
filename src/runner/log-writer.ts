// The log of one execution, written in batches while it runs: people watch it, and a line must not cost a transaction.
import type { Clock } from '../kernel/clock.ts';
import type { ExecutionId, InstanceId, TenantId } from '../kernel/ids.ts';
import { errorFields, type Log } from '../kernel/log.ts';
import type { Doors } from '../storage/doors.ts';
import { insertLogs, type NewLogEntry } from './step-store.ts';

/** Larger is worse; the gaps leave room. */
export const severities = { trace: 10, debug: 20, metric: 25, info: 30, warn: 40, error: 50 } as const;
export type Severity = keyof typeof severities;

export type LogWriter = {
  readonly write: (severity: Severity, message: string, stepName: string | null) => void;
  /** Resolves when what was written so far is stored, or has been given up. */
  readonly flush: () => Promise<void>;
};

const maxLines = 10_000;
const maxLineLength = 16 * 1024;
const batchLines = 200;
const delayMs = 250;

export function createLogWriter(deps: {
  readonly doors: Doors;
  readonly clock: Clock;
  readonly log: Log;
  readonly tenant: TenantId;
  readonly executionId: ExecutionId;
  readonly instanceId: InstanceId;
}): LogWriter {
  const { doors, clock, log, tenant, executionId, instanceId } = deps;
  let waiting: NewLogEntry[] = [];
  let written = 0;
  let timer: NodeJS.Timeout | null = null;
  let storing = Promise.resolve();

  function store(): Promise<void> {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    const entries = waiting;
    waiting = [];
    if (entries.length === 0) return storing;
    storing = storing
      .then(() => doors.withTenant(tenant, (tx) => insertLogs(tx, { executionId, instanceId }, entries)))
      // The run goes on without its log; what happened to it is in the server's.
      .catch((error: unknown) => log.warn('execution log lost', { executionId, ...errorFields(error) }));
    return storing;
  }

  return {
    write: (severity, message, stepName) => {
      if (written > maxLines) return;
      const text = written === maxLines ? 'The log is full; further lines are not kept.' : message;
      written += 1;
      waiting.push({ severity: severities[severity], message: storable(text), stepName, at: clock.now() });
      if (waiting.length >= batchLines) void store();
      else timer ??= setTimeout(() => void store(), delayMs);
    },
    flush: store,
  };
}

// The database takes no NUL in text, and half a character would not come back as it went in.
export function storable(text: string): string {
  return Buffer.from(text.slice(0, maxLineLength), 'utf8').toString('utf8').replaceAll('\0', '\ufffd');
}
