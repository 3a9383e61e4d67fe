// The rules of the protocol that a mutant may change. `realRules` is what the code does; docs/model-check.md says where.

export type Comparison = 'counters' | 'attempt' | 'nothing';

export type Rules = {
  /** What a commit compares with the row. */
  readonly commitCompares: Comparison;
  readonly replayCompares: Comparison;
  /** A replay lets an attempt of others end first. */
  readonly replayWaits: boolean;
  /** A failure is written only to the row as it was when the attempt was armed. */
  readonly failureCompares: boolean;
  readonly tokensAreReadAfterArming: boolean;
  readonly takesOver: 'the dead' | 'the late';
  /** Nobody takes over before the request can no longer be executed. */
  readonly takesOverAfterDeadline: boolean;
  /** What was taken over counts as an unknown outcome. */
  readonly takeOverIsUnknown: boolean;
  readonly takesBackAbandoned: boolean;
  readonly retryWaitsForDeadline: boolean;
  readonly firstRefusalIsSuspect: boolean;
  readonly disconnectCounts: boolean;
  /** Consent and disconnect end the attempt that is armed. */
  readonly changesEndAttempts: boolean;
  readonly consentCompares: boolean;
  readonly unconfirmedIsKeptApart: boolean;
  readonly secretEdit: 'touches nothing' | 'counts' | 'hastens all';
  /** Tokens set by hand that keep the refresh token wait while somebody may have spent it. */
  readonly keptTokenWaits: boolean;
  readonly lateTokens: 'kept if the grant lives' | 'revoked';
};

export const realRules: Rules = {
  commitCompares: 'counters',
  replayCompares: 'counters',
  replayWaits: true,
  failureCompares: true,
  tokensAreReadAfterArming: true,
  takesOver: 'the dead',
  takesOverAfterDeadline: true,
  takeOverIsUnknown: true,
  takesBackAbandoned: true,
  retryWaitsForDeadline: true,
  firstRefusalIsSuspect: true,
  disconnectCounts: true,
  changesEndAttempts: true,
  consentCompares: true,
  unconfirmedIsKeptApart: true,
  secretEdit: 'touches nothing',
  keptTokenWaits: true,
  lateTokens: 'kept if the grant lives',
};
