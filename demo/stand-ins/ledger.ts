// What a stand-in saw, in order. Entries can be added and read, never changed: tests and the demo judge by them.
import { createHash } from 'node:crypto';
import type { Clock } from '../../src/kernel/clock.ts';

export type LedgerEntry = {
  readonly at: Date;
  /** HTTP method, or the SFTP request's name. */
  readonly operation: string;
  /** Without query string: a query may carry an API key. */
  readonly path: string;
  /** Of the token, key id or password shown, `null` if none was. */
  readonly fingerprint: string | null;
  /** HTTP status, or the SFTP status number. */
  readonly status: number;
  /** The service's own word for a refusal, `null` where it was obliged. */
  readonly refusal: string | null;
};

export type Ledger = {
  readonly record: (entry: Omit<LedgerEntry, 'at'>) => void;
  readonly entries: () => readonly LedgerEntry[];
};

export function createLedger(clock: Clock): Ledger {
  const entries: LedgerEntry[] = [];
  return {
    record: (entry) => {
      entries.push(Object.freeze({ at: clock.now(), ...entry }));
    },
    entries: () => Object.freeze([...entries]),
  };
}

/** Enough to tell two secrets apart in a ledger, too little to use either. */
export function fingerprint(secret: string | Buffer): string {
  return createHash('sha256').update(secret).digest('hex').slice(0, 12);
}
