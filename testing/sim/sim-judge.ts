// The judge of the simulation: the invariants of the refresh protocol, read off the store's writes and the provider's ledger.
//
//   I1 no older token over a newer one      I5 a healthy grant is never called dead    I9  every success is kept or explained
//   I2 no token after a disconnect          I6 in peace every grant has a fresh token  I10 no more requests than the life asks for
//   I3 no token of another consent          I7 lost only by a mishap, and called so    I8  a stored token is the provider's own
//   I4 never two requests at once
import type { GrantRow } from '../../src/credentials/grant-store.ts';
import type { RefreshTimings } from '../../src/refresh/refresh-timings.ts';
import type { Rotation } from '../fault-table.ts';
import type { SimClock } from './sim-clock.ts';
import type { SimMachine } from './sim-machine.ts';
import type { SimProvider, SimRequest } from './sim-provider.ts';
import { type SimStore, tokensIn } from './sim-store.ts';

/** How often a person connected or disconnected. */
export type People = { readonly acts: number };

export type SimEvidence = {
  readonly clock: SimClock;
  readonly provider: SimProvider;
  readonly store: SimStore;
  readonly machines: readonly SimMachine[];
  readonly rotation: Rotation;
  readonly lifeSeconds: number;
  readonly timings: RefreshTimings;
  readonly people: People;
  /** Credential and consent of what was called `lost_rotation` at any time. */
  readonly calledLost: ReadonlySet<string>;
};

const accessOf = (row: GrantRow): string | null =>
  row.ct === null ? null : tokensIn(row.ct).accessToken.revealText();
const orderOf = (token: string | null): number => Number(token?.split('-')[1] ?? 0);

function groupByGrant({ requests }: SimProvider): ReadonlyMap<string, readonly SimRequest[]> {
  const groups = new Map<string, SimRequest[]>();
  for (const request of requests) {
    const group = groups.get(request.grant);
    if (group === undefined) groups.set(request.grant, [request]);
    else group.push(request);
  }
  return groups;
}

/** I1, I2, I3, I5, I8: at each write. */
export function watchRows(provider: SimProvider, calledLost: Set<string>, say: (text: string) => void) {
  return (before: GrantRow, after: GrantRow, why: string): void => {
    const token = accessOf(after);
    const name = `grant ${after.credentialId.slice(-2)} (${why})`;
    if (after.state === 'disconnected' && token !== null) say(`I2 ${name}: a token after the disconnect`);
    if (before.state === 'disconnected' && why !== 'consent' && token !== null) {
      say(`I2 ${name}: a disconnected grant has a token again`);
    }
    if (why === 'commit' && token !== null) {
      const old = accessOf(before);
      if (orderOf(token) <= orderOf(old)) say(`I1 ${name}: ${token} over ${old}`);
      const isSameGrant = old === null || provider.grantOf(token) === provider.grantOf(old);
      if (!isSameGrant) say(`I3 ${name}: a token of another consent`);
      if (provider.grantOf(token) === null) say(`I8 ${name}: the provider does not know ${token}`);
    }
    if (after.lastErrorCode === 'lost_rotation') calledLost.add(`${after.credentialId} ${after.consentNo}`);
    if (after.state === 'needs_reauth' && before.state !== 'needs_reauth') {
      const grant = provider.grantOf(accessOf(before) ?? '');
      // After an unknown outcome a refusal is believed at once: no second try could tell a lie from a loss.
      const isLie = before.outcomeUnknown && after.lastErrorCode === 'lost_rotation';
      if (grant !== null && provider.isLive(grant) && !isLie) say(`I5 ${name}: called dead while it lives`);
    }
  };
}

export function judgeSim(evidence: SimEvidence): readonly string[] {
  return [...judgeRequests(evidence), ...judgeRows(evidence), ...judgeCounts(evidence)];
}

/** I4, and what a repetition must be explained by (I7, I9). */
function judgeRequests({ provider, rotation, timings, machines }: SimEvidence): string[] {
  const said: string[] = [];
  const byGrant = groupByGrant(provider);
  for (const [grant, requests] of byGrant) {
    for (const [index, request] of requests.entries()) {
      const before = requests.slice(0, index);
      const isTogether = before.some((other) => other.endedMs > request.receivedMs);
      if (isTogether && !isBeyondPromise(machines, request, timings)) {
        said.push(`I4 ${grant}: request ${request.no} while another one is outstanding`);
      }
      const spent = before.find((other) => other.isExecuted && other.presented === request.presented);
      if (rotation === 'none' || spent === undefined || isExcused(spent, timings)) continue;
      said.push(`I7 ${grant}: request ${request.no} presents what ${spent.no} has spent in peace`);
    }
  }
  return said;
}

/**
 * One request at a time is promised while nobody stands still for longer than a take-over takes: the late commit of one who did
 * makes the grant free again, although his successor is still asking.
 */
function isBeyondPromise(
  machines: readonly SimMachine[],
  { receivedMs }: SimRequest,
  { sendDeadlineMs, startSlackMs, settleMs }: RefreshTimings,
): boolean {
  const takeOverMs = sendDeadlineMs + startSlackMs + settleMs;
  return machines.some(({ mishaps }) =>
    mishaps.some(
      ({ kind, fromMs, toMs }) =>
        (kind === 'pause' || kind === 'cut') &&
        toMs - fromMs > takeOverMs / 2 &&
        fromMs < receivedMs &&
        receivedMs < toMs + takeOverMs,
    ),
  );
}

/** Whoever got the answer died, stood still or was cut off before it can have stored it; or nobody got it. */
function isExcused(request: SimRequest, { deadAfterMs }: RefreshTimings): boolean {
  if (!request.isDelivered) return true;
  return request.by.mishaps.some(({ kind, fromMs, toMs }) => {
    const isNear = toMs >= request.receivedMs && fromMs <= request.endedMs + 120_000;
    return isNear && (kind === 'death' || (kind !== 'trouble' && toMs - fromMs >= deadAfterMs));
  });
}

/** I6, I7, I9, and that nothing is left armed. */
function judgeRows({ clock, provider, store, rotation, calledLost, timings }: SimEvidence): string[] {
  const said: string[] = [];
  const givenBack = new Set<string | null>(
    store.givenBack.map(({ ct }) => tokensIn(ct).accessToken.revealText()),
  );
  for (const row of store.rows.values()) {
    const name = `grant ${row.credentialId.slice(-2)}`;
    if (row.state === 'disconnected') continue;
    if (row.attemptId !== null && (row.attemptDeadline ?? clock.now()) < clock.now())
      said.push(`${name}: left armed`);
    const token = accessOf(row);
    const grant = provider.grantOf(token ?? '') ?? '';
    // The lie that was believed at once, see `watchRows`.
    if (row.lastErrorCode === 'lost_rotation' && provider.isLive(grant)) continue;
    if (!provider.isLive(grant)) {
      if (rotation !== 'strict') said.push(`I7 ${name}: lost at a provider that forgives`);
      // A late answer may have brought it back for a while; what counts is that it was called so.
      const isCalledSo = calledLost.has(`${row.credentialId} ${row.consentNo}`);
      if (row.state !== 'needs_reauth' || !(isCalledSo || stoodStill(provider, grant, timings))) {
        said.push(`I7 ${name}: lost, and called ${row.state} ${row.lastErrorCode}`);
      }
      continue;
    }
    if (row.state !== 'active' || row.expiresAt === null || row.expiresAt <= clock.now()) {
      said.push(`I6 ${name}: ${row.state} ${row.lastErrorCode} after twenty minutes of peace`);
    }
    const issued = provider.requests.findLast(
      (one) => one.grant === grant && one.isExecuted && one.isDelivered,
    );
    // What was delivered in the last moment is still on its way.
    const isNewer =
      issued !== undefined && row.attemptId === null && orderOf(issued.accessIssued) > orderOf(token);
    // Given back because another answer was first, or gone with its process.
    if (isNewer && !givenBack.has(issued.accessIssued) && !isExcused(issued, timings)) {
      said.push(`I9 ${name}: does not hold what was delivered last`);
    }
  }
  return said;
}

/** Somebody who had asked for it came back after a take-over: his late commit forgets that its outcome was unknown. */
function stoodStill({ requests }: SimProvider, grant: string, { deadAfterMs }: RefreshTimings): boolean {
  const askers = new Set(requests.filter((one) => one.grant === grant).map(({ by }) => by));
  return [...askers].some(({ mishaps }) =>
    mishaps.some(({ kind, fromMs, toMs }) => kind !== 'death' && toMs - fromMs > deadAfterMs),
  );
}

/** I10: a life is used by 45 % at least, unless something went wrong. */
function judgeCounts({ clock, provider, lifeSeconds, machines, people, store }: SimEvidence): string[] {
  const seconds = clock.monotonicMs() / 1000;
  const troubles = machines.flatMap(({ mishaps }) => mishaps).length + people.acts + store.givenBack.length;
  const said: string[] = [];
  for (const [grant, requests] of groupByGrant(provider)) {
    const failed = requests.filter((one) => !one.isExecuted || !one.isDelivered).length;
    const most = Math.ceil(seconds / (0.45 * lifeSeconds)) + failed + troubles;
    if (requests.length > most)
      said.push(`I10 ${grant}: ${requests.length} requests, ${most} would be enough`);
  }
  return said;
}
