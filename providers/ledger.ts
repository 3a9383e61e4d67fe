// What really happened at the provider: one record per token or revocation request (and per refused use of
// an access token). Judges read it instead of believing the client under test. Nothing is ever removed;
// tokens appear as fingerprints only.
import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '../src/kernel/clock.ts';
import { openLedgerFile } from './ledger-file.ts';

export type LedgerKind = 'code' | 'refresh' | 'client_credentials' | 'revoke' | 'resource' | 'other';
export type ClientAuthStyle = 'basic' | 'post' | 'both' | 'none';

export type LedgerRecord = {
  /** One start of the emulator; `seq` counts within it. */
  readonly run: string;
  readonly seq: number;
  readonly mode: 'standards' | 'quirky';
  readonly kind: LedgerKind;
  readonly grant: string | null;
  readonly client: string | null;
  readonly peer: string;
  readonly clientAuthStyle: ClientAuthStyle;
  /** Names with their values; secrets and tokens are hidden. */
  readonly params: Readonly<Record<string, string>>;
  readonly refreshTokenPresented: string | null;
  /** True if an earlier request had already traded this refresh token for a new one. */
  readonly presentedAgain: boolean;
  readonly accessTokenPresented: string | null;
  readonly receivedAt: string;
  /** Token requests of this grant that were open when this one came, itself included. */
  readonly concurrent: number;
  /** True once the request took effect here, whatever the client got to see. */
  readonly executed: boolean;
  readonly executedAt: string | null;
  readonly refreshTokenIssued: string | null;
  readonly accessTokenIssued: string | null;
  /** `issued`, `revoked`, `nothing_to_revoke`, an OAuth error code, `rate_limited`, `outage`, ... */
  readonly outcome: string;
  readonly fault: string | null;
  readonly status: number | null;
  /** When a whole answer was handed to the network; null if the client never got one. */
  readonly answeredAt: string | null;
  /** When the client hung up without an answer. */
  readonly leftAt: string | null;
  /** When nothing of this request was running or open any more. */
  readonly endedAt: string | null;
};

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
  | 'clientAuthStyle'
  | 'params'
  | 'refreshTokenPresented'
  | 'accessTokenPresented'
> & { readonly grant: string | null };

export type LedgerExecution = Partial<
  Pick<LedgerRecord, 'grant' | 'client' | 'refreshTokenIssued' | 'accessTokenIssued' | 'outcome'>
>;

export type LedgerEntry = {
  readonly seq: number;
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

/** First 12 hex digits of SHA-256: enough to join with, useless to an attacker. */
export function fingerprint(secret: string): string {
  return createHash('sha256').update(secret).digest('hex').slice(0, 12);
}

const tokenKinds: ReadonlySet<LedgerKind> = new Set(['code', 'refresh', 'client_credentials']);

/** Records outlive any reset of the emulator; with `file` every change is also a durable JSON line. */
export async function openLedger(options: {
  readonly clock: Clock;
  readonly file?: string;
}): Promise<LedgerBook> {
  const file = options.file === undefined ? null : await openLedgerFile(options.file);
  const run = randomBytes(4).toString('hex');
  const records: LedgerRecord[] = [];
  const refreshesByGrant = new Map<string, number[]>();
  const openByGrant = new Map<string, number>();
  const maxByGrant = new Map<string, number>();
  const grantByRefreshToken = new Map<string, string>();
  const traded = new Set<string>();
  const uses = { accepted: 0, refused: 0 };
  const stamp = () => options.clock.now().toISOString();
  const persist = (record: LedgerRecord) => file?.append(JSON.stringify(record)) ?? Promise.resolve();
  // A failed write of these lines is not lost: the next `executed`, which waits, fails too.
  const persistSoon = (record: LedgerRecord) => void persist(record).catch(() => {});

  function open(opening: LedgerOpening): LedgerEntry {
    const counted = tokenKinds.has(opening.kind) ? opening.grant : null;
    const concurrent = counted === null ? 1 : (openByGrant.get(counted) ?? 0) + 1;
    if (counted !== null) {
      openByGrant.set(counted, concurrent);
      maxByGrant.set(counted, Math.max(maxByGrant.get(counted) ?? 0, concurrent));
    }
    if (opening.kind === 'resource') uses.refused += 1;
    const index = records.length;
    let record: LedgerRecord = {
      run,
      seq: index + 1,
      ...opening,
      receivedAt: stamp(),
      presentedAgain: opening.refreshTokenPresented !== null && traded.has(opening.refreshTokenPresented),
      concurrent,
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
    change({});
    if (opening.kind === 'refresh' && opening.grant !== null) {
      const indices = refreshesByGrant.get(opening.grant);
      if (indices === undefined) refreshesByGrant.set(opening.grant, [index]);
      else indices.push(index);
    }
    persistSoon(record);
    return {
      seq: record.seq,
      executed: (fields) => {
        change({ ...fields, executed: true, executedAt: stamp() });
        const { grant, refreshTokenIssued, refreshTokenPresented: presented } = record;
        if (presented !== null && refreshTokenIssued !== null && refreshTokenIssued !== presented) {
          traded.add(presented);
        }
        if (grant !== null && refreshTokenIssued !== null) grantByRefreshToken.set(refreshTokenIssued, grant);
        return persist(record);
      },
      note: change,
      answered: (status) => change({ status, answeredAt: stamp() }),
      left: () => {
        if (record.answeredAt === null && record.endedAt === null) change({ leftAt: stamp() });
      },
      end: () => {
        if (record.endedAt !== null) return;
        change({ endedAt: stamp() });
        if (counted !== null) openByGrant.set(counted, (openByGrant.get(counted) ?? 1) - 1);
        persistSoon(record);
      },
    };
  }

  return {
    records: () => [...records],
    outstandingMax: (grant) => maxByGrant.get(grant) ?? 0,
    refreshesOf: (grant) => (refreshesByGrant.get(grant) ?? []).flatMap((index) => records[index] ?? []),
    resourceUses: () => ({ ...uses }),
    open,
    countAcceptedUse: () => {
      uses.accepted += 1;
    },
    grantOfRefreshToken: (print) => grantByRefreshToken.get(print) ?? null,
    close: async () => file?.close(),
  };
}
