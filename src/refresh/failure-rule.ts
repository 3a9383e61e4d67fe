// What a failed refresh does to its grant: one table, read by nobody else. Failure never takes a living token away.
//
//   revoked          first time: suspect, one more try in 30-90 s (clock skew, replication at the provider);
//                    again: needs_reauth. After an unknown outcome: lost_rotation, no second try would help.
//   client_rejected  the client's configuration: its breaker trips, the grant only waits
//   transient        certainly not executed: backoff
//   throttled        the provider's own waiting time
//   unknown          may have been executed: not before the attempt's deadline + 10 s

import type { GrantRow } from '../credentials/grant-store.ts';
import { assertNever } from '../kernel/assert-never.ts';
import { backoffMs } from '../kernel/backoff.ts';
import type { TokenProblem } from '../oauth/token-outcome.ts';
import { productionTimings, type RefreshTimings } from './refresh-timings.ts';

export type FailureDecision = {
  readonly state: 'degraded' | 'needs_reauth';
  readonly retryAfterSeconds: number | null;
  readonly outcomeUnknown: boolean;
  readonly isSuspect: boolean;
  readonly errorCode: string;
  readonly errorText: string;
  readonly tripsClient: boolean;
};

const jitter = 0.25;

export function decideFailure(
  problem: TokenProblem,
  grant: Pick<GrantRow, 'outcomeUnknown' | 'suspectSince' | 'failCount'>,
  random: () => number,
  timings: Pick<RefreshTimings, 'retryStepsMs' | 'suspectMs' | 'clientProbeMs'> = productionTimings,
): FailureDecision {
  const { retryStepsMs: stepsMs, suspectMs } = timings;
  const backoffSeconds = backoffMs(grant.failCount + 1, { stepsMs, jitter, random }) / 1000;
  const words = problem.message === null ? problem.cure : `${problem.message} ${problem.cure}`;
  const base = {
    state: 'degraded',
    retryAfterSeconds: backoffSeconds,
    outcomeUnknown: false,
    isSuspect: false,
    errorCode: problem.code,
    errorText: words,
    tripsClient: false,
  } as const;
  switch (problem.kind) {
    case 'revoked':
      if (grant.outcomeUnknown) {
        return {
          ...base,
          state: 'needs_reauth',
          retryAfterSeconds: null,
          errorCode: 'lost_rotation',
          errorText:
            'An answer of the provider was lost after it had replaced the refresh token. Connect the account again.',
        };
      }
      if (grant.suspectSince === null) {
        const waitMs = suspectMs.least + (suspectMs.most - suspectMs.least) * random();
        return { ...base, isSuspect: true, retryAfterSeconds: waitMs / 1000 };
      }
      return { ...base, state: 'needs_reauth', retryAfterSeconds: null };
    case 'client_rejected':
      return {
        ...base,
        retryAfterSeconds: (timings.clientProbeMs / 1000) * (0.9 + 0.2 * random()),
        tripsClient: true,
      };
    case 'transient':
      return { ...base, retryAfterSeconds: Math.max(backoffSeconds, (problem.retryAfterMs ?? 0) / 1000) };
    case 'throttled':
      return { ...base, retryAfterSeconds: Math.max(problem.retryAfterMs / 1000, 1) };
    case 'unknown':
      return { ...base, outcomeUnknown: true };
    default:
      return assertNever(problem);
  }
}
