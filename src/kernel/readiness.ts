// Reasons not to be sent traffic. Each room that has one adds a condition under the word that /readyz then shows; asking
// costs a bounded amount however often strangers do it.
import type { Clock } from './clock.ts';

export type Readiness = {
  /** Conditions are asked in the order in which they were added; the first that does not hold is the reason. */
  readonly add: (reason: string, holds: () => boolean | Promise<boolean>) => void;
  /** Null when every condition holds. At most a second old. */
  readonly reason: () => Promise<string | null>;
};

const askAgainAfterMs = 1_000;
/** Whoever asks has given up by then. */
const answerWithinMs = 2_000;

export function createReadiness({ clock }: { readonly clock: Clock }): Readiness {
  const conditions: { readonly reason: string; readonly holds: () => boolean | Promise<boolean> }[] = [];
  let asked: { readonly atMs: number; readonly answer: Promise<string | null> } | null = null;
  let isAsking = false;

  async function ask(): Promise<string | null> {
    isAsking = true;
    try {
      const untilMs = clock.monotonicMs() + answerWithinMs;
      for (const { reason, holds } of conditions) {
        if (!(await holdsSafely(holds, untilMs - clock.monotonicMs()))) return reason;
      }
      return null;
    } finally {
      isAsking = false;
    }
  }

  return {
    add: (reason, holds) => {
      conditions.push({ reason, holds });
      asked = null;
    },
    reason: () => {
      // Who comes while an answer is under way shares it, however long a database takes to say no.
      if (asked === null || (!isAsking && clock.monotonicMs() - asked.atMs >= askAgainAfterMs)) {
        asked = { atMs: clock.monotonicMs(), answer: ask() };
      }
      return asked.answer;
    },
  };
}

async function holdsSafely(holds: () => boolean | Promise<boolean>, withinMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, withinMs, false);
  });
  try {
    return await Promise.race([holds(), tooLate]);
  } catch {
    // What cannot be found out does not hold; the room itself logs its trouble.
    return false;
  } finally {
    clearTimeout(timer);
  }
}
