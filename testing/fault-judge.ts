// The judge of the fault matrix: compares what was seen of one cell with what the table allows. Each complaint is a sentence.
import type { FaultCell, Handed, Racers, Sight } from './fault-cell.ts';

export type Evidence = {
  /** What the callers on the cell's own path got; none for the scheduler. */
  readonly handed: readonly Handed[];
  readonly after: Sight;
  /** Readers who ask right after it. */
  readonly served: readonly Handed[];
  /** Everybody has asked again; null when that was not before the waiting time was over. */
  readonly early: Sight | null;
  /** The provider is well again and the waiting times are over. */
  readonly healed: Sight;
  readonly servedAtLast: readonly Handed[];
};

/** Tolerance of comparisons between two clocks of one machine, in ms. */
const clockMs = 50;

export function judgeCell(cell: FaultCell, seen: Evidence, by: Racers): readonly string[] {
  return [
    ...judgeLedger(cell, seen),
    ...judgeRow(cell, seen, by),
    ...judgeHanded(cell, seen),
    ...judgeHealed(cell, seen),
  ];
}

/** A strict provider did the work and its answer did not arrive: the one case in which a grant may end. */
function isLost({ fault, rotation }: FaultCell): boolean {
  return rotation === 'strict' && fault.isExecuted && fault.effect === 'unknown';
}

function judgeLedger(cell: FaultCell, seen: Evidence): string[] {
  const { fault, emulator, grant } = cell;
  const said: string[] = [];
  const most = emulator.ledger.outstandingMax(grant);
  if (most > 1) said.push(`${most} requests were outstanding at once`);
  const isReachable = fault.spoil !== 'refused' && fault.spoil !== 'tls';
  if (seen.after.requests.length !== (isReachable ? 1 : 0)) {
    said.push(`${seen.after.requests.length} requests were sent`);
  }
  // A request that is executed late is known only afterwards.
  const [first] = seen.healed.requests;
  if (isReachable && first?.executed !== fault.isExecuted) said.push(`executed: ${first?.executed}`);
  if (seen.early !== null && seen.early.requests.length !== seen.after.requests.length) {
    said.push('something was sent before the waiting time was over');
  }
  if (seen.healed.requests.length > seen.after.requests.length + 1) said.push('more was sent than one retry');
  const isOver = isLost(cell) || (fault.withholdsRefreshToken === true && cell.rotation === 'strict');
  if (cell.rotation === 'strict' && !isOver && seen.healed.requests.some((one) => one.presentedAgain)) {
    said.push('a spent refresh token was sent');
  }
  if (emulator.isLiveGrant(grant) === isOver)
    said.push(`the grant lives at the provider: ${!isOver ? 'no' : 'yes'}`);
  return said;
}

function judgeRow(
  { fault }: FaultCell,
  { after: { row, requests } }: Evidence,
  { timings }: Racers,
): string[] {
  const said: string[] = [];
  const expect = (what: string, is: unknown, wanted: unknown) => {
    if (is !== wanted) said.push(`${what} is ${String(is)}, not ${String(wanted)}`);
  };
  const isRefreshed = fault.effect === 'refreshed';
  expect('state', row.state, isRefreshed ? 'active' : 'degraded');
  expect('token_no', row.token_no, isRefreshed ? 2 : 1);
  expect('attempt', row.attempt_id, null);
  expect('outcome_unknown', row.outcome_unknown, fault.effect === 'unknown');
  expect('suspect', row.suspect_since !== null, fault.effect === 'suspect');
  if (fault.code !== null) expect('code', row.last_error_code, fault.code);
  if (isRefreshed) {
    const life = ((row.expires_at?.getTime() ?? 0) - (row.issued_at?.getTime() ?? 0)) / 1000;
    if (fault.lifeSeconds !== undefined) expect('life', life, fault.lifeSeconds);
    return said;
  }
  expect('fail_count', row.fail_count, 1);
  const within = (from: number, to: number, sinceMs: number) => {
    const waitMs = (row.refresh_due_at?.getTime() ?? Number.NaN) - sinceMs;
    if (!(waitMs >= from * 1000 - clockMs && waitMs <= to * 1000 + clockMs)) {
      said.push(`the wait is ${Math.round(waitMs)} ms, not between ${from} and ${to} s`);
    }
  };
  const failedMs = row.last_error_at?.getTime() ?? Number.NaN;
  if (fault.waitSeconds !== undefined) within(...fault.waitSeconds, failedMs);
  if (fault.effect === 'suspect') within(30, 90, failedMs);
  if (fault.effect === 'client') within(540, 660, failedMs);
  if (fault.effect === 'unknown') {
    const { sendDeadlineMs, startSlackMs, settleMs, retryStepsMs } = timings;
    const receivedMs = Date.parse(requests[0]?.receivedAt ?? '');
    const backoffMs = failedMs - receivedMs + (retryStepsMs[0] ?? 0) * 1.25;
    // Armed at most the slack before it came in; and never sooner than the usual step.
    const least = (sendDeadlineMs + settleMs) / 1000;
    within(least, Math.max(least + startSlackMs / 1000, backoffMs / 1000), receivedMs);
  }
  return said;
}

function judgeHanded(cell: FaultCell, seen: Evidence): string[] {
  const { fault, path, emulator, grant, firstToken } = cell;
  const said: string[] = [];
  const records = emulator.ledger.records().filter((record) => record.grant === grant);
  const issued = records.map((record) => record.accessTokenIssued);
  const everything = [...seen.handed, ...seen.served, ...seen.servedAtLast];
  if (everything.some((one) => one.kind === 'token' && !issued.includes(one.print))) {
    said.push('a token was handed out that the provider has not issued for this grant');
  }
  const isRefreshed = fault.effect === 'refreshed';
  const fresh = seen.after.requests[0]?.accessTokenIssued ?? 'none';
  for (const one of seen.handed) said.push(...judgeAnswer(one, isRefreshed ? fresh : refusals[path]));
  for (const one of seen.served) {
    const living = path === 'reader' ? refusals.reader : firstToken;
    said.push(...judgeAnswer(one, isRefreshed ? fresh : living));
  }
  return said;
}

/** What a failure is called on each path: the forced refresh tells the provider's word, the reader when to come again. */
const refusals = { scheduler: 'never asked', reader: 'unavailable', forced: 'provider_refused' } as const;

function judgeAnswer(handed: Handed, wanted: string): string[] {
  if (handed.kind === 'token') return handed.print === wanted ? [] : [`got a token instead of ${wanted}`];
  if (handed.code !== wanted) return [`got ${handed.code} instead of ${wanted}`];
  const isTimed = handed.code !== 'unavailable' || (handed.retryAfterSeconds ?? 0) >= 1;
  return isTimed ? [] : ['unavailable, and nobody says until when'];
}

function judgeHealed(cell: FaultCell, { healed: { row, requests }, servedAtLast }: Evidence): string[] {
  const { fault, emulator, grant } = cell;
  const last = (wanted: string) => servedAtLast.flatMap((one) => judgeAnswer(one, wanted));
  const old = cell.path === 'reader' ? 'needs_authorization' : cell.firstToken;
  if (isLost(cell)) {
    const is = `${row.state} ${row.last_error_code} ${row.refresh_due_at}`;
    return is === 'needs_reauth lost_rotation null' ? last(old) : [`a lost grant is ${is}`];
  }
  if (row.state === 'needs_reauth') return ['a grant is called dead that the provider has not ended'];
  if (fault.spoil === 'tls') return row.state === 'degraded' ? [] : [`state is ${row.state}`];
  if (fault.withholdsRefreshToken && cell.rotation === 'strict') {
    return row.suspect_since === null ? ['the refused grant is no suspect'] : [];
  }
  const said: string[] = [];
  const wantedNo = fault.effect === 'refreshed' ? 3 : 2;
  const is = `${row.state} ${row.token_no} ${row.fail_count} ${row.outcome_unknown}`;
  if (is !== `active ${wantedNo} 0 false`) said.push(`the provider is well, the grant is ${is}`);
  const newest = requests.at(-1);
  const issuedLast = emulator.ledger
    .records()
    .findLast((one) => one.grant === grant && one.accessTokenIssued);
  if (newest?.seq !== issuedLast?.seq || newest?.outcome !== 'issued')
    said.push('the last request issued nothing');
  return [...said, ...last(newest?.accessTokenIssued ?? 'none')];
}
