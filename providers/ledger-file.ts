// The ledger on disk: JSON lines, only ever appended. Each line is a whole record as it was known then;
// a later line with the same `seq` says more about the same request.
import { open, readFile } from 'node:fs/promises';
import { Fault } from '../src/kernel/fault.ts';
import type { LedgerRecord } from './ledger-record.ts';

export type LedgerFile = {
  /** Resolves when the line is on disk. */
  readonly append: (line: string) => Promise<void>;
  readonly close: () => Promise<void>;
};

export async function openLedgerFile(path: string): Promise<LedgerFile> {
  const handle = await open(path, 'a', 0o600).catch((cause: unknown) => {
    throw new Fault('cannot_start', 'The ledger file cannot be opened for appending.', {
      cure: 'Name a file in an existing, writable folder.',
      cause,
    });
  });
  let queue: string[] = [];
  let written: Promise<void> = Promise.resolve();
  let next: Promise<void> | null = null;

  // Group commit: all lines that come while one write is on its way share the next fsync.
  function append(line: string): Promise<void> {
    queue.push(`${line}\n`);
    next ??= written = written.then(async () => {
      const batch = queue.join('');
      queue = [];
      next = null;
      await handle.appendFile(batch);
      await handle.datasync();
    });
    return next;
  }

  return {
    append,
    close: async () => {
      await written;
      await handle.close();
    },
  };
}

/** Reads a ledger file back: the last word about each request, in the order in which they came. */
export async function readLedgerFile(path: string): Promise<readonly LedgerRecord[]> {
  const latest = new Map<string, LedgerRecord>();
  for (const line of (await readFile(path, 'utf8')).split('\n')) {
    if (line === '') continue;
    const record = JSON.parse(line) as LedgerRecord;
    latest.set(`${record.run}:${record.seq}`, record);
  }
  return [...latest.values()];
}
