// What has been opened, to be closed in the reverse order, each even when another one fails to, or does not come to an end.
import type { Clock } from './clock.ts';
import { errorFields, type Log } from './log.ts';

export type Closers = {
  /** `leastMs`: how long it is waited for, even when the time of all is used up. */
  readonly add: (name: string, close: () => unknown, leastMs?: number) => void;
  readonly closeAll: () => Promise<void>;
};

/** Answers that wait for a database are given 20 s; those who stop us wait for 40. */
const togetherMs = 20_000;
const standardLeastMs = 500;

export function createClosers(
  { log, clock }: { readonly log: Log; readonly clock: Pick<Clock, 'monotonicMs'> },
  limitMs: number = togetherMs,
): Closers {
  const opened: { readonly name: string; readonly close: () => unknown; readonly leastMs: number }[] = [];
  let closing: Promise<void> | null = null;

  async function run(): Promise<void> {
    const untilMs = clock.monotonicMs() + limitMs;
    for (const { name, close, leastMs } of opened.splice(0).reverse()) {
      try {
        const isClosed = await within(Math.max(leastMs, untilMs - clock.monotonicMs()), close);
        if (!isClosed) log.warn(`closing ${name} takes too long, and is not waited for`, {});
      } catch (error) {
        log.warn(`closing ${name} failed`, errorFields(error));
      }
    }
  }

  return {
    add: (name, close, leastMs = standardLeastMs) => {
      opened.push({ name, close, leastMs });
    },
    closeAll: () => {
      closing ??= run();
      return closing;
    },
  };
}

/** False when time was up before. */
async function within(ms: number, work: () => unknown): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, ms, false);
  });
  try {
    return await Promise.race([Promise.resolve(work()).then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
