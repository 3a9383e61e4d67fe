// What really happened at the provider: one record per token or revocation request (and per refused use of
// an access token). Judges read it instead of believing the client under test. Nothing is ever removed;
// tokens appear as fingerprints only.
import { randomBytes } from 'node:crypto';
import type { Clock } from '../src/kernel/clock.ts';
import { openLedgerFile } from './ledger-file.ts';
import type { LedgerKind, LedgerRecord } from './ledger-record.ts';
import { createOpenRequests, type OpenRequests } from './open-requests.ts';

export type Ledger = {
  readonly records: () => readonly LedgerRecord[];
  /** Most token requests of this grant that were ever open at the same time. */
  readonly outstandingMax: (grant: string) => number;
  readonly refreshesOf: (grant: string) => readonly LedgerRecord[];
  /** Accepted and refused uses of access tokens at the resource server. */
  readonly resourceUses: () => { readonly accepted: number; readonly refused: number };
};

export type LedgerOpening = Pick<
  LedgerRecord,
  | 'mode'
  | 'kind'
  | 'client'
  | 'peer'
  | 'agent'
  | 'clientAuthStyle'
  | 'params'
  | 'refreshTokenPresented'
  | 'accessTokenPresented'
> & { readonly grant: string | null };

export type LedgerExecution = Partial<
  Pick<LedgerRecord, 'grant' | 'client' | 'refreshTokenIssued' | 'accessTokenIssued' | 'outcome'>
>;

export type LedgerEntry = {
  /** Resolves when the effect is on disk: the answer must not leave before. */
  readonly executed: (change: LedgerExecution) => Promise<void>;
  readonly note: (
    change: Partial<Pick<LedgerRecord, 'outcome' | 'fault' | 'status' | 'grant' | 'client'>>,
  ) => void;
  readonly answered: (status: number) => void;
  readonly left: () => void;
  readonly end: () => void;
};

export type LedgerBook = Ledger & {
  readonly open: (opening: LedgerOpening) => LedgerEntry;
  readonly countAcceptedUse: () => void;
  readonly grantOfRefreshToken: (fingerprint: string) => string | null;
  readonly close: () => Promise<void>;
};

const tokenKinds: ReadonlySet<LedgerKind> = new Set(['code', 'refresh', 'client_credentials']);

type Desk = {
  readonly run: string;
  readonly stamp: () => string;
  readonly records: LedgerRecord[];
  readonly requests: OpenRequests;
  /** Fingerprints of issued refresh tokens and the grants they belong to. */
  readonly grantByRefreshToken: Map<string, string>;
  /** Fingerprints of refresh tokens that earned a new one. */
  readonly traded: Set<string>;
  readonly persist: (record: LedgerRecord) => Promise<void>;
};

/** Records outlive any reset of the emulator; with `file` every change is also a durable JSON line. */
export async function openLedger(options: {
  readonly clock: Clock;
  readonly file?: string;
}): Promise<LedgerBook> {
  const file = options.file === undefined ? null : await openLedgerFile(options.file);
  const records: LedgerRecord[] = [];
  const refreshesByGrant = new Map<string, number[]>();
  const uses = { accepted: 0, refused: 0 };
  const desk: Desk = {
    run: randomBytes(4).toString('hex'),
    stamp: () => options.clock.now().toISOString(),
    records,
    requests: createOpenRequests(),
    grantByRefreshToken: new Map(),
    traded: new Set(),
    persist: (record) => file?.append(JSON.stringify(record)) ?? Promise.resolve(),
  };

  return {
    records: () => [...records],
    outstandingMax: desk.requests.most,
    refreshesOf: (grant) => (refreshesByGrant.get(grant) ?? []).flatMap((index) => records[index] ?? []),
    resourceUses: () => ({ ...uses }),
    open: (opening) => {
      if (opening.kind === 'resource') uses.refused += 1;
      if (opening.kind === 'refresh' && opening.grant !== null) {
        const indices = refreshesByGrant.get(opening.grant) ?? [];
        indices.push(records.length);
        refreshesByGrant.set(opening.grant, indices);
      }
      return openEntry(desk, opening);
    },
    countAcceptedUse: () => {
      uses.accepted += 1;
    },
    grantOfRefreshToken: (print) => desk.grantByRefreshToken.get(print) ?? null,
    close: async () => file?.close(),
  };
}

function openEntry(desk: Desk, opening: LedgerOpening): LedgerEntry {
  const { records, stamp, traded, grantByRefreshToken } = desk;
  const { refreshTokenPresented: presented } = opening;
  const visit =
    tokenKinds.has(opening.kind) && opening.grant !== null ? desk.requests.enter(opening.grant) : null;
  const index = records.length;
  let record: LedgerRecord = {
    run: desk.run,
    seq: index + 1,
    ...opening,
    receivedAt: stamp(),
    presentedAgain: presented !== null && traded.has(presented),
    concurrent: visit?.concurrent ?? 1,
    executed: false,
    executedAt: null,
    refreshTokenIssued: null,
    accessTokenIssued: null,
    outcome: 'open',
    fault: null,
    status: null,
    answeredAt: null,
    leftAt: null,
    endedAt: null,
  };
  const change = (fields: Partial<LedgerRecord>) => {
    record = Object.freeze({ ...record, ...fields });
    records[index] = record;
  };
  // A failed write of these lines is not lost: the next `executed`, which waits, fails too.
  const persistSoon = () => void desk.persist(record).catch(() => {});
  change({});
  persistSoon();
  return {
    executed: (fields) => {
      change({ ...fields, executed: true, executedAt: stamp() });
      const { grant, refreshTokenIssued: issued } = record;
      if (presented !== null && issued !== null && issued !== presented) traded.add(presented);
      if (grant !== null && issued !== null) grantByRefreshToken.set(issued, grant);
      return desk.persist(record);
    },
    note: change,
    answered: (status) => change({ status, answeredAt: stamp() }),
    left: () => {
      if (record.answeredAt === null && record.endedAt === null) change({ leftAt: stamp() });
    },
    end: () => {
      if (record.endedAt !== null) return;
      change({ endedAt: stamp() });
      visit?.leave();
      persistSoon();
    },
  };
}
