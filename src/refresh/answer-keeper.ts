// Brings a provider's answer into the database, whatever it takes: on disk first, then committed, then offered again for
// as long as this process lives. While commits fail nothing new is sent: a provider that rotates and a database that
// does not keep it would cost every grant that we touch.
import type { KeptRefresh } from '../credentials/kept-refresh.ts';
import type { Clock, Sleep } from '../kernel/clock.ts';
import { Fault, isFault } from '../kernel/fault.ts';
import { errorFields, type Log } from '../kernel/log.ts';
import type { AnswerJournal } from './answer-journal.ts';
import type { GrantDesk } from './grant-desk.ts';
import type { RefreshGate } from './refresh-gate.ts';
import type { RefreshMeter } from './refresh-meter.ts';
import type { RefreshTimings } from './refresh-timings.ts';

export type AnswerKeeper = {
  /** 'left' when the process ends before the database took it: the journal hands it to the next one. */
  readonly keep: (attemptId: string, kept: KeptRefresh) => Promise<'committed' | 'superseded' | 'left'>;
  /** The same patience for what is not lost with us: how an attempt failed. */
  readonly persist: <T>(write: () => Promise<T>) => Promise<T>;
  /** Closed while commits fail. */
  readonly gate: RefreshGate;
  /** Attempts whose answer is still on its way. */
  readonly held: () => readonly string[];
  /** Takes over what processes that are gone have left in the journal. */
  readonly replay: () => Promise<number>;
  /** To be called first by all who wait for refreshes to end: from now on patience has an end. */
  readonly hurry: () => void;
  /** Waits for what is on its way, but not for ever. */
  readonly drain: () => Promise<void>;
};

export type AnswerKeeperDeps = {
  readonly desk: Pick<GrantDesk, 'commit' | 'replay' | 'giveBack'>;
  readonly journal: AnswerJournal;
  readonly clock: Clock;
  readonly sleep: Sleep;
  readonly log: Log;
  readonly timings: RefreshTimings;
  readonly meter: RefreshMeter;
};

/** One failed commit may be a lost connection; three in a row are a database that does not persist. */
const failuresToClose = 3;

/** Ends the patience of a process that is told to stop. */
class GaveUp extends Error {}

type Patience = {
  readonly hurry: () => void;
  readonly isHurried: () => boolean;
  /** Rests after a failed try and answers the next turn; throws `GaveUp` when there is to be none. */
  readonly rest: (turn: number, wasHurried: boolean, cause: unknown) => Promise<number>;
};

/** Without end while the process lives; limited once it is told to stop. */
function createPatience({
  clock,
  sleep,
  timings,
}: Pick<AnswerKeeperDeps, 'clock' | 'sleep' | 'timings'>): Patience {
  const steps = timings.commitStepsMs;
  let giveUpAtMs = Number.POSITIVE_INFINITY;
  let wake: () => void = () => {};
  const hurried = new Promise<void>((resolve) => {
    wake = resolve;
  });
  const isHurried = () => giveUpAtMs !== Number.POSITIVE_INFINITY;
  return {
    isHurried,
    hurry: () => {
      if (isHurried()) return;
      giveUpAtMs = clock.monotonicMs() + timings.drainMs;
      wake();
    },
    rest: async (turn, wasHurried, cause) => {
      // Who tried, or sleeps for a minute, when the end was announced tries again at once, and in quick steps.
      if (!wasHurried && isHurried()) return 0;
      const leftMs = giveUpAtMs - clock.monotonicMs();
      if (leftMs <= 0) throw new GaveUp('stopped before the commit', { cause });
      const resting = sleep(Math.min(steps[Math.min(turn, steps.length - 1)] ?? 0, leftMs));
      await (wasHurried ? resting : Promise.race([resting, hurried]));
      return !wasHurried && isHurried() ? 0 : turn + 1;
    },
  };
}

export function createAnswerKeeper(deps: AnswerKeeperDeps): AnswerKeeper {
  const { desk, journal, log, meter } = deps;
  const held = new Set<string>();
  const running = new Set<Promise<unknown>>();
  let failuresInRow = 0;
  const patience = createPatience(deps);

  async function persist<T>(write: () => Promise<T>): Promise<T> {
    for (let turn = 0; ; ) {
      const wasHurried = patience.isHurried();
      try {
        const result = await write();
        failuresInRow = 0;
        return result;
      } catch (error) {
        // An answer that the database refuses says nothing about the next one.
        if (isFault(error, 'unavailable')) failuresInRow += 1;
        log.error('the outcome of a refresh cannot be committed yet', errorFields(error));
        meter.commitFailed();
        turn = await patience.rest(turn, wasHurried, error);
      }
    }
  }

  async function deliver(kept: KeptRefresh): Promise<'committed' | 'superseded'> {
    if (await persist(() => desk.commit(kept))) return 'committed';
    await persist(() => desk.giveBack(kept));
    return 'superseded';
  }

  async function keep(attemptId: string, kept: KeptRefresh): Promise<'committed' | 'superseded' | 'left'> {
    held.add(attemptId);
    try {
      const entry = await journal.keep(kept);
      const result = await deliver(kept);
      journal.settle(entry);
      return result;
    } catch (error) {
      if (error instanceof GaveUp) return 'left';
      throw error;
    } finally {
      held.delete(attemptId);
    }
  }

  return {
    keep: async (attemptId, kept) => {
      const work = keep(attemptId, kept).finally(() => running.delete(work));
      running.add(work);
      return await work;
    },
    persist,
    gate: {
      mayArm: () => failuresInRow < failuresToClose,
      refusal: () =>
        failuresInRow < failuresToClose
          ? null
          : new Fault('unavailable', 'Refreshed tokens cannot be stored at the moment.', {
              cure: 'Try again in a moment; the operator finds the reason in the log.',
              retryAfterSeconds: 5,
            }),
    },
    held: () => [...held],
    replay: () =>
      journal.replay(async (kept) => {
        const result = await desk.replay(kept);
        if (result === 'superseded') await desk.giveBack(kept);
        return result !== 'busy';
      }),
    hurry: patience.hurry,
    drain: async () => {
      patience.hurry();
      await Promise.allSettled(running);
      await journal.close();
    },
  };
}
