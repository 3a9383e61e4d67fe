// What this process knows of the database it stands on. It looks in the transaction of every heartbeat: a process that
// does not beat refreshes nothing, so no refresh begins on a database that was not looked at in the last seconds.
import { Fault } from '../kernel/fault.ts';
import type { Log } from '../kernel/log.ts';
import type { Tx } from '../storage/doors.ts';
import type { BeatWatch } from './heartbeat.ts';
import {
  type ClusterFacts,
  type Difference,
  describeDifference,
  type Identity,
  judgeIdentity,
  type Known,
  parseIdentity,
  type Standing,
  serializeIdentity,
  type Verdict,
} from './identity.ts';
import { markDoubt, readCluster, readStanding, readWitnesses, rememberIdentity } from './identity-store.ts';
import type { RefreshGate } from './refresh-gate.ts';

const takeOverCommand = 'latchkey takeover --i-have-stopped-the-old-one';

export type IdentityState =
  | { readonly kind: 'unseen' }
  | { readonly kind: 'confirmed'; readonly here: Standing; readonly takeoverNo: number }
  | {
      readonly kind: 'unconfirmed';
      readonly why: Difference;
      readonly here: Standing;
      readonly remembered: Identity | null;
      readonly takeoverNo: number;
    };

export type ClusterIdentity = RefreshGate & {
  /** For the heartbeat. */
  readonly watch: BeatWatch;
  readonly state: () => IdentityState;
  readonly isConfirmed: () => boolean;
};

/** Another process may write at the same moment; after this many it is the next heartbeat's turn. */
const maxJudgements = 3;

export function createClusterIdentity(deps: {
  readonly log: Log;
  /** Where this process finds the database: `Database.location`. */
  readonly location: string;
}): ClusterIdentity {
  const { log, location } = deps;
  const witnesses = new Map<string, number>();
  let state: IdentityState = { kind: 'unseen' };
  let known: Known | null = null;

  async function hasWitness(tx: Tx, processId: string, takeoverNo: number): Promise<boolean> {
    if (state.kind === 'confirmed') return false;
    let hasMoved = false;
    for (const { id, beatMs } of await readWitnesses(tx, processId, takeoverNo)) {
      // Its row alone proves nothing: a copy has the row too. Only a live process moves it under our eyes.
      const before = witnesses.get(id);
      if (before !== undefined && beatMs > before) hasMoved = true;
      if (before === undefined) witnesses.set(id, beatMs);
    }
    return hasMoved;
  }

  async function judge(tx: Tx, here: Standing, cluster: ClusterFacts, processId: string): Promise<Verdict> {
    const isWitnessed = await hasWitness(tx, processId, cluster.takeoverNo);
    const verdict = judgeIdentity({ here, cluster, known, hasWitness: isWitnessed });
    if (verdict.kind === 'remember') {
      const isStored = await rememberIdentity(tx, cluster, serializeIdentity(verdict.identity));
      return isStored ? { kind: 'confirmed' } : verdict;
    }
    if (verdict.kind === 'unconfirmed' && verdict.why === 'went_back' && cluster.doubt === null) {
      await markDoubt(tx, cluster, verdict.why);
    }
    return verdict;
  }

  async function look(tx: Tx, processId: string): Promise<IdentityState> {
    const here = { ...(await readStanding(tx)), location };
    for (let turn = 1; turn <= maxJudgements; turn += 1) {
      const cluster = await readCluster(tx, processId);
      if (cluster === null) break;
      const { takeoverNo } = cluster;
      const verdict = await judge(tx, here, cluster, processId);
      if (verdict.kind === 'confirmed') return { kind: 'confirmed', here, takeoverNo };
      if (verdict.kind === 'unconfirmed') {
        const remembered = cluster.identity === null ? null : parseIdentity(cluster.identity);
        return { kind: 'unconfirmed', why: verdict.why, here, remembered, takeoverNo };
      }
    }
    return { kind: 'unseen' };
  }

  function settle(next: IdentityState, beatMs: number): void {
    tell(log, state, next);
    if (next.kind === 'confirmed') witnesses.clear();
    known = next.kind === 'confirmed' ? { standing: next.here, takeoverNo: next.takeoverNo, beatMs } : null;
    state = next;
  }

  return {
    async watch(tx, processId) {
      const next = await look(tx, processId);
      return {
        vouchesFor: next.kind === 'confirmed' ? next.takeoverNo : null,
        settle: (beatMs) => settle(next, beatMs),
      };
    },
    state: () => state,
    isConfirmed: () => state.kind === 'confirmed',
    mayArm: () => state.kind === 'confirmed',
    refusal: () =>
      state.kind === 'unconfirmed'
        ? new Fault('unavailable', 'Tokens are not refreshed: this database may be a copy of another one.', {
            cure: `Its operator confirms with "${takeOverCommand}" that no other installation uses these grants.`,
            detail: describeDifference(state.why),
            retryAfterSeconds: 60,
          })
        : null,
  };
}

/** For the operator: the state, and what to type where there is something to type. */
export function identityInWords(state: IdentityState): string {
  if (state.kind !== 'unconfirmed') return state.kind;
  return `unconfirmed: ${describeDifference(state.why)}. Nothing is refreshed until "${takeOverCommand}".`;
}

/** For whoever starts the process; null when there is nothing to warn of. */
export function identityWarning(state: IdentityState): string | null {
  return state.kind === 'unconfirmed' ? `The identity of this database is ${identityInWords(state)}` : null;
}

function tell(log: Log, before: IdentityState, next: IdentityState): void {
  if (next.kind === 'confirmed') {
    if (before.kind === 'unconfirmed') log.info('this database is confirmed: refreshing goes on');
    if (before.kind === 'unseen') tellUnknown(log, next.here);
    return;
  }
  if (next.kind === 'unseen') return;
  if (before.kind === 'unconfirmed' && before.why === next.why) return;
  log.error('this database is unconfirmed: nothing is refreshed', {
    why: next.why,
    meaning: describeDifference(next.why),
    here: JSON.stringify(next.here),
    remembered: JSON.stringify(next.remembered),
    cure: takeOverCommand,
  });
}

/** Fewer parts are compared then, and fewer copies are found out. */
function tellUnknown(log: Log, here: Standing): void {
  const unknown = (['system', 'timeline', 'database', 'relation'] as const).filter(
    (part) => here[part] === null,
  );
  if (unknown.length > 0) {
    log.warn('this server does not show what tells a copy from its original', {
      unknown: unknown.join(', '),
    });
  }
}
