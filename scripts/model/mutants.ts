// One rule of the protocol changed at a time. A check whose mutants survive proves nothing, so each must be found out, and
// for the reason that is named here.

import type { ProviderMode } from './provider-mode.ts';
import type { Comparison, Rules } from './rules.ts';

export type Mutant = {
  readonly name: string;
  /** What is done in place of the rule. */
  readonly words: string;
  readonly change: Partial<Rules>;
  /** A kind of provider at which it shows. */
  readonly mode: ProviderMode;
  readonly breaks: readonly string[];
};

const byAttempt: Comparison = 'attempt';

export const mutants: readonly Mutant[] = [
  {
    name: 'secret-edit-counts',
    words: 'editing a client secret raises consent_no',
    change: { secretEdit: 'counts' },
    mode: 'strict',
    breaks: ['I7'],
  },
  {
    name: 'secret-edit-hastens-all',
    words: 'editing a client secret also hastens grants whose last outcome is unknown',
    change: { secretEdit: 'hastens all' },
    mode: 'strict',
    breaks: ['I4'],
  },
  {
    name: 'early-retry',
    words: 'after an unknown outcome the retry does not wait for the deadline and 10 s',
    change: { retryWaitsForDeadline: false },
    mode: 'strict',
    breaks: ['I4'],
  },
  {
    name: 'blind-commit',
    words: 'a commit compares nothing',
    change: { commitCompares: 'nothing' },
    mode: 'strict',
    breaks: ['I2', 'I3'],
  },
  {
    name: 'take-over-by-time',
    words: 'an attempt is taken over by time, although its owner is only paused',
    change: { takesOver: 'the late' },
    mode: 'strict',
    breaks: ['I5', 'I7'],
  },
  {
    name: 'commit-by-attempt',
    words: 'commit and replay compare the attempt in place of the counters',
    change: { commitCompares: byAttempt, replayCompares: byAttempt },
    mode: 'strict',
    breaks: ['I7'],
  },
  {
    name: 'lease-only',
    words: 'a commit compares the attempt only, and consent and disconnect leave the attempt armed',
    change: { commitCompares: byAttempt, changesEndAttempts: false },
    mode: 'strict',
    breaks: ['I2'],
  },
  {
    name: 'failure-without-comparison',
    words: 'a failure is written without looking whether the grant has moved on',
    change: { failureCompares: false },
    mode: 'strict',
    breaks: ['I3', 'I5'],
  },
  {
    name: 'read-before-arming',
    words: 'tokens and counters are read before the grant is armed',
    change: { tokensAreReadAfterArming: false },
    mode: 'strict, reuse ends the family',
    breaks: ['I4', 'I7'],
  },
  {
    name: 'short-lease',
    words: 'a dead worker’s attempt is taken over while its request may still be executed',
    change: { takesOverAfterDeadline: false },
    mode: 'strict',
    breaks: ['I4'],
  },
  {
    name: 'uncounted-disconnect',
    words: 'a disconnect does not raise consent_no',
    change: { disconnectCounts: false },
    mode: 'strict',
    breaks: ['I2'],
  },
  {
    name: 'blind-consent',
    words: 'a confirmed consent is stored whatever has happened since it began',
    change: { consentCompares: false },
    mode: 'strict',
    breaks: ['I2'],
  },
  {
    name: 'refresh-of-unconfirmed',
    words: 'tokens that await confirmation stand in the grant and are refreshed',
    change: { unconfirmedIsKeptApart: false },
    mode: 'strict',
    breaks: ['I1'],
  },
  {
    name: 'blind-replay',
    words: 'a replayed journal compares nothing',
    change: { replayCompares: 'nothing' },
    mode: 'strict',
    breaks: ['I2', 'I3'],
  },
  {
    name: 'hasty-replay',
    words: 'a replayed journal does not wait for the attempt of whoever has taken over',
    change: { replayWaits: false },
    mode: 'strict',
    breaks: ['I4'],
  },
  {
    name: 'first-refusal-is-final',
    words: 'the first refusal ends the grant',
    change: { firstRefusalIsSuspect: false },
    mode: 'strict',
    breaks: ['I5'],
  },
  {
    name: 'abandoned-for-ever',
    words: 'an attempt that its living owner has given up is never taken back',
    change: { takesBackAbandoned: false },
    mode: 'strict',
    breaks: ['I6'],
  },
  {
    name: 'forgetful-take-over',
    words: 'an attempt that was taken over does not count as an unknown outcome',
    change: { takeOverIsUnknown: false },
    mode: 'strict',
    breaks: ['I7'],
  },
  {
    name: 'late-tokens-revoked',
    words: 'tokens that come too late are revoked although the grant lives',
    change: { lateTokens: 'revoked' },
    mode: 'grace',
    breaks: ['I7'],
  },
  {
    name: 'hand-set-beside-attempt',
    words: 'an access token is set by hand, and the refresh token kept, while an attempt may have spent it',
    change: { keptTokenWaits: false },
    mode: 'strict',
    breaks: ['I7'],
  },
];
