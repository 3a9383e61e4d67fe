// How long everything about refreshing takes, in one record: the times depend on each other, and proofs that kill
// processes want the same code with shorter ones.
//
//   armed                      send deadline     + start slack = the attempt's deadline      + settle
//   |-- prepare, send, answer ------|------------------|--------------- nobody retries ----------|-- take-over, retry
//   heart: beat, beat, (silent) ... fence: we start nothing ... dead: others may take over

export type RefreshTimings = {
  /** Total time of the requests of one attempt. */
  readonly sendDeadlineMs: number;
  /** An attempt that has not begun to send by then is given back: its deadline would come too close. */
  readonly startSlackMs: number;
  /** With less than this left nothing more is sent. */
  readonly minSendMs: number;
  /** After an attempt's deadline a provider may still be executing what it was sent: until then nobody retries. */
  readonly settleMs: number;
  readonly beatMs: number;
  /** Without a beat of our own for this long we start nothing: others may be about to take over. */
  readonly fenceMs: number;
  /** An owner that has not beaten for this long counts as dead (and its deadline + settle must have passed). */
  readonly deadAfterMs: number;
  /** Our own attempts, when nothing of ours can be at work on them any more: sending and committing are long given up. */
  readonly ownAfterMs: number;
  /** How long a process that is told to stop still offers answers to a database that does not take them. */
  readonly drainMs: number;
  /** How often the background looks for what is due. */
  readonly tickMs: number;
  /** How often it looks for what dead processes left armed. */
  readonly recoverMs: number;
  /** What was taken over is spread over this long. */
  readonly takeOverSpreadMs: number;
  /** Some clients give up after 10 s; a waiting reader is answered before. */
  readonly readerWaitMs: number;
  /** Between failures that need no care of their own; the last step repeats. */
  readonly retryStepsMs: readonly number[];
  /** A grant that was refused once is tried once more after this (clock skew, replication at the provider). */
  readonly suspectMs: { readonly least: number; readonly most: number };
  /** How long grants wait whose client the provider refuses. */
  readonly clientProbeMs: number;
  /** After trouble of our own before anything was sent. */
  readonly troubleMs: number;
  /** Between tries to commit an answer that exists nowhere else. */
  readonly commitStepsMs: readonly number[];
};

export const productionTimings: RefreshTimings = {
  sendDeadlineMs: 20_000,
  startSlackMs: 5_000,
  minSendMs: 1_000,
  settleMs: 10_000,
  beatMs: 3_000,
  fenceMs: 10_000,
  deadAfterMs: 15_000,
  ownAfterMs: 300_000,
  drainMs: 20_000,
  tickMs: 1_000,
  recoverMs: 5_000,
  takeOverSpreadMs: 3_000,
  readerWaitMs: 9_000,
  retryStepsMs: [5_000, 15_000, 45_000, 120_000, 300_000, 900_000],
  suspectMs: { least: 30_000, most: 90_000 },
  clientProbeMs: 600_000,
  troubleMs: 60_000,
  commitStepsMs: [50, 200, 1_000, 3_000, 10_000, 20_000, 30_000, 60_000],
};

/** The deadline that an attempt carries in the database. */
export function attemptDeadlineSeconds(timings: RefreshTimings): number {
  return (timings.sendDeadlineMs + timings.startSlackMs) / 1000;
}
