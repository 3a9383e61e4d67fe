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

export type FailureDecision = {
  readonly state: 'degraded' | 'needs_reauth';
  readonly retryAfterSeconds: number | null;
  readonly outcomeUnknown: boolean;
  readonly isSuspect: boolean;
  readonly errorCode: string;
  readonly errorText: string;
  readonly tripsClient: boolean;
};

const steps = { stepsMs: [5_000, 15_000, 45_000, 120_000, 300_000, 900_000], jitter: 0.25 } as const;
const clientProbeSeconds = 600;

export function decideFailure(
  problem: TokenProblem,
  grant: Pick<GrantRow, 'outcomeUnknown' | 'suspectSince' | 'failCount'>,
  random: () => number,
): FailureDecision {
  const backoffSeconds = backoffMs(grant.failCount + 1, { ...steps, random }) / 1000;
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
      if (grant.suspectSince === null)
        return { ...base, isSuspect: true, retryAfterSeconds: 30 + 60 * random() };
      return { ...base, state: 'needs_reauth', retryAfterSeconds: null };
    case 'client_rejected':
      return { ...base, retryAfterSeconds: clientProbeSeconds * (0.9 + 0.2 * random()), tripsClient: true };
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
