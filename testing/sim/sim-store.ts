// Grants kept in memory, for the simulation: the same answers as the desk on PostgreSQL, statement by statement (both pass
// `grant-desk.contract.ts`). Each statement happens at one moment. It can be broken on purpose, to see the judge awake.
import type { DueGrant } from '../../src/credentials/claim-store.ts';
import { parseTokens } from '../../src/credentials/grant.ts';
import type { GrantRow } from '../../src/credentials/grant-store.ts';
import { type KeptRefresh, keepRefresh } from '../../src/credentials/kept-refresh.ts';
import type { Registration } from '../../src/credentials/registration.ts';
import { Fault } from '../../src/kernel/fault.ts';
import { type CredentialId, newId } from '../../src/kernel/ids.ts';
import { Plain } from '../../src/kernel/plain.ts';
import type { FailureDecision } from '../../src/refresh/failure-rule.ts';
import type { Armed, GrantDesk, Prepared } from '../../src/refresh/grant-desk.ts';
import { attemptDeadlineSeconds, type RefreshTimings } from '../../src/refresh/refresh-timings.ts';
import { type Sealed, sealedFromColumn } from '../../src/vault/sealed.ts';
import type { Sealer } from '../../src/vault/vault.ts';
import type { SimClock } from './sim-clock.ts';
import type { SimMachine } from './sim-machine.ts';

export const mutants = [
  'blind commit',
  'take-over by time alone',
  'take-over without witness',
  'retry before the deadline',
  'armed twice',
  'take-over forgets the unknown outcome',
  'dead at the first refusal',
] as const;
export type Mutant = (typeof mutants)[number];

type Row = { -readonly [K in keyof GrantRow]: GrantRow[K] };

/** Nothing is secret here. */
export const plainSealer: Sealer = (_place, plain) => sealedFromColumn(Buffer.from(plain.revealBytes()));
export const tokensIn = (ct: Sealed) => parseTokens(Plain.fromText(ct.toString('utf8')));

export type SimStoreOptions = {
  readonly clock: SimClock;
  readonly random: () => number;
  readonly timings: RefreshTimings;
  readonly registration: Registration;
  readonly mutant: Mutant | null;
  /** Looks at each row that has just been written. */
  readonly watch: (before: GrantRow, after: GrantRow, why: string) => void;
};

const free = { attemptId: null, attemptOwner: null, attemptDeadline: null } as const;
const healthy = {
  outcomeUnknown: false,
  failCount: 0,
  suspectSince: null,
  lastErrorCode: null,
  lastError: null,
  lastErrorAt: null,
} as const;

export class SimStore {
  readonly #options: SimStoreOptions;
  readonly #rows = new Map<CredentialId, Row>();
  readonly #heartbeats = new Map<string, number>();
  /** Answers that came too late to count. */
  readonly givenBack: KeptRefresh[] = [];

  constructor(options: SimStoreOptions) {
    this.#options = options;
  }

  get rows(): ReadonlyMap<CredentialId, GrantRow> {
    return this.#rows;
  }

  insert(row: GrantRow): void {
    this.#rows.set(row.credentialId, { ...row });
  }

  beat(processId: string): void {
    this.#heartbeats.set(processId, this.#options.clock.monotonicMs());
  }

  isSeen(processId: string, seconds: number): boolean {
    const beatenMs = this.#heartbeats.get(processId) ?? Number.NEGATIVE_INFINITY;
    return beatenMs > this.#options.clock.monotonicMs() - seconds * 1000;
  }

  /** By a person: replaces or takes away the tokens. */
  consent(id: CredentialId, ct: Sealed | null, { seconds }: { readonly seconds: number }): void {
    const row = this.#rows.get(id);
    if (row === undefined) return;
    const consentNo = row.consentNo + 1;
    if (ct === null) {
      const gone = { ct, expiresAt: null, refreshDueAt: null, issuedAt: null };
      this.#write(row, { state: 'disconnected', consentNo, ...gone, ...free, ...healthy }, 'consent');
      return;
    }
    const timing = {
      issuedAt: this.#now(),
      expiresAt: this.#later(seconds * 1000),
      refreshDueAt: this.#later(seconds * 500),
    };
    const tokenNo = row.tokenNo + 1;
    this.#write(row, { state: 'active', ct, consentNo, tokenNo, ...timing, ...free, ...healthy }, 'consent');
  }

  due(): DueGrant[] {
    return [...this.#rows.values()]
      .filter((row) => this.#isClaimable(row))
      .sort((a, b) => (a.refreshDueAt?.getTime() ?? 0) - (b.refreshDueAt?.getTime() ?? 0))
      .map(({ tenantId, credentialId, providerKey }) => ({
        tenantId,
        credentialId,
        providerKey: providerKey ?? '',
      }));
  }

  armDue(chosen: readonly DueGrant[], processId: string, armedAtMs: number): Armed[] {
    return chosen.flatMap(({ credentialId }) => {
      const row = this.#rows.get(credentialId);
      return row === undefined || !this.#isClaimable(row) ? [] : [this.#arm(row, processId, armedAtMs)];
    });
  }

  armOne(
    id: CredentialId,
    seen: Pick<GrantRow, 'consentNo' | 'tokenNo'>,
    by: { readonly processId: string; readonly armedAtMs: number },
  ): Armed | null {
    const row = this.#rows.get(id);
    if (row === undefined || !this.#isRefreshable(row) || row.refreshDueAt === null) return null;
    if (row.consentNo !== seen.consentNo || row.tokenNo !== seen.tokenNo) return null;
    const isWell = row.failCount === 0 && !row.outcomeUnknown;
    if (!this.#isPast(row.refreshDueAt) && !isWell) return null;
    return this.#arm(row, by.processId, by.armedAtMs);
  }

  prepare({ credentialId, attemptId }: Armed): Prepared | null {
    const row = this.#standing(credentialId, attemptId);
    if (row === null || row.ct === null) return null;
    const grant = { ...row };
    return {
      grant,
      tokens: tokensIn(row.ct),
      registration: this.#options.registration,
      client: null,
      secrets: [],
      keep: (tokens, timing) => keepRefresh({ seal: plainSealer, grant, tokens, timing }),
    };
  }

  commit(kept: KeptRefresh): boolean {
    const row = this.#rows.get(kept.credentialId);
    if (row === undefined) return false;
    const isExpected = row.consentNo === kept.consentNo && row.tokenNo === kept.tokenNo;
    if (!isExpected && this.#options.mutant !== 'blind commit') return false;
    const { ct, state, issuedAt, expiresAt, refreshDueAt, refreshExpiresAt, expiryAssumed } = kept;
    const timing = { issuedAt, expiresAt, refreshDueAt, refreshExpiresAt, expiryAssumed };
    const moved = { refreshedAt: this.#now(), tokenNo: row.tokenNo + 1 };
    this.#write(row, { ct, state, ...timing, ...free, ...healthy, ...moved }, 'commit');
    return true;
  }

  replay(kept: KeptRefresh): 'committed' | 'superseded' | 'busy' {
    const row = this.#rows.get(kept.credentialId);
    if (row === undefined || row.consentNo !== kept.consentNo || row.tokenNo !== kept.tokenNo) {
      return 'superseded';
    }
    const isArmedByOther = row.attemptId !== null && row.attemptId !== kept.attemptId;
    const mayBeExecuting = row.attemptId === null && row.outcomeUnknown && !this.#isPast(row.refreshDueAt);
    if (isArmedByOther || mayBeExecuting) return 'busy';
    return this.commit(kept) ? 'committed' : 'superseded';
  }

  fail(armed: Armed, grant: Pick<GrantRow, 'consentNo' | 'tokenNo'>, decision: FailureDecision): boolean {
    const { mutant, timings } = this.#options;
    const row = this.#standing(armed.credentialId, armed.attemptId);
    if (row === null || row.consentNo !== grant.consentNo || row.tokenNo !== grant.tokenNo) return false;
    const isOver = mutant === 'dead at the first refusal' && decision.isSuspect;
    const retryAt =
      decision.retryAfterSeconds === null || isOver ? null : this.#later(decision.retryAfterSeconds * 1000);
    const settledMs = (row.attemptDeadline?.getTime() ?? 0) + timings.settleMs;
    const waits = decision.outcomeUnknown && mutant !== 'retry before the deadline';
    const change = {
      state: isOver ? ('needs_reauth' as const) : decision.state,
      refreshDueAt: retryAt !== null && waits ? new Date(Math.max(settledMs, retryAt.getTime())) : retryAt,
      failCount: row.failCount + 1,
      outcomeUnknown: row.outcomeUnknown || decision.outcomeUnknown,
      suspectSince: decision.isSuspect ? (row.suspectSince ?? this.#now()) : row.suspectSince,
      lastErrorCode: decision.errorCode,
      lastError: decision.errorText,
      lastErrorAt: this.#now(),
    };
    this.#write(row, { ...free, ...change }, 'fail');
    return true;
  }

  release({ credentialId, attemptId }: Armed, retryAfterMs: number): void {
    const row = this.#standing(credentialId, attemptId);
    if (row !== null) this.#write(row, { ...free, refreshDueAt: this.#later(retryAfterMs) }, 'release');
  }

  recover(processId: string, held: readonly string[]): number {
    const { random, timings, mutant } = this.#options;
    const nowMs = this.#now().getTime();
    let count = 0;
    for (const row of this.#rows.values()) {
      const { attemptId, attemptOwner: owner, attemptDeadline } = row;
      if (attemptId === null || owner === null || attemptDeadline === null) continue;
      const pastMs = nowMs - attemptDeadline.getTime();
      if (pastMs <= timings.settleMs) continue;
      const isSilent =
        !this.isSeen(owner, timings.deadAfterMs / 1000) || mutant === 'take-over by time alone';
      const isOwn = owner === processId && !held.includes(attemptId) && pastMs > timings.ownAfterMs;
      if (!isSilent && !isOwn) continue;
      const refreshDueAt = this.#later(random() * timings.takeOverSpreadMs);
      const outcomeUnknown = mutant !== 'take-over forgets the unknown outcome';
      this.#write(row, { ...free, refreshDueAt, outcomeUnknown }, 'recover');
      count += 1;
    }
    return count;
  }

  #now(): Date {
    return this.#options.clock.now();
  }

  #later(ms: number): Date {
    return new Date(this.#now().getTime() + ms);
  }

  #isPast(date: Date | null): boolean {
    return date !== null && date <= this.#now();
  }

  #isRefreshable(row: Row): boolean {
    const isFree = row.attemptId === null || this.#options.mutant === 'armed twice';
    return isFree && row.ct !== null && (row.state === 'active' || row.state === 'degraded');
  }

  #isClaimable(row: Row): boolean {
    return this.#isRefreshable(row) && this.#isPast(row.refreshDueAt);
  }

  #standing(id: CredentialId, attemptId: string): Row | null {
    const row = this.#rows.get(id);
    return row !== undefined && row.attemptId === attemptId ? row : null;
  }

  #arm(row: Row, processId: string, armedAtMs: number): Armed {
    const attemptId = newId<never>() as string;
    const attemptDeadline = this.#later(attemptDeadlineSeconds(this.#options.timings) * 1000);
    this.#write(row, { attemptId, attemptOwner: processId, attemptDeadline }, 'arm');
    const { tenantId: tenant, credentialId, providerKey } = row;
    return { tenant, credentialId, providerKey: providerKey ?? '', attemptId, armedAtMs };
  }

  #write(row: Row, change: Partial<GrantRow>, why: string): void {
    const before = { ...row };
    Object.assign(row, change);
    this.#options.watch(before, row, why);
  }
}

/** The store as one process has it. */
export function simDesk(
  store: SimStore,
  clock: SimClock,
  { id: processId, query, canKeep }: Pick<SimMachine, 'id' | 'query' | 'canKeep'>,
): GrantDesk {
  return {
    dueGrants: (limit) => query(() => store.due().slice(0, limit)),
    dueByLane: () => query(() => ({ due: store.due(), last: null })),
    armDue: (chosen) => {
      const armedAtMs = clock.monotonicMs();
      return query(() => store.armDue(chosen, processId, armedAtMs));
    },
    armOne: ({ credentialId }, seen) => {
      const armedAtMs = clock.monotonicMs();
      return query(() => store.armOne(credentialId, seen, { processId, armedAtMs }));
    },
    providerKeyOf: ({ credentialId }) => query(() => store.rows.get(credentialId)?.providerKey ?? null),
    prepare: (armed) => query(() => store.prepare(armed)),
    mayUseClient: () => Promise.resolve(true),
    commit: (kept) =>
      query(() => {
        if (!canKeep()) throw new Fault('unavailable', 'The database is full.');
        return store.commit(kept);
      }),
    replay: (kept) => query(() => store.replay(kept)),
    noteRecovery: () => query(() => undefined),
    giveBack: (kept) => query(() => void store.givenBack.push(kept)),
    fail: (armed, { grant }, decision) => query(() => store.fail(armed, grant, decision)),
    release: (armed, retryAfterMs) => query(() => store.release(armed, retryAfterMs)),
    recover: (held) => query(() => store.recover(processId, held)),
  };
}
