// The signals that ask a process to end. Ctrl-C under npm arrives twice within milliseconds: the terminal sends it to
// everybody in front of it, and npm passes its own on. Those two are one wish.
import type { Clock } from './clock.ts';

/** What follows the first signal this closely is its echo; a person who asks again takes longer. */
const echoMs = 1_000;

type Signals = { readonly on: (name: 'SIGINT' | 'SIGTERM', hear: () => void) => unknown };

/** Calls `finish` at the first signal and `leave` at one that is no echo of it. Holds for the life of the process. */
export function onStopSignals(options: {
  readonly clock: Clock;
  readonly finish: (signal: string) => void;
  /** Without waiting for anything. */
  readonly leave: () => void;
  /** `process`, except in tests. */
  readonly source?: Signals;
}): void {
  const { clock, finish, leave, source = process } = options;
  let firstAtMs: number | null = null;
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    source.on(name, () => {
      const nowMs = clock.monotonicMs();
      if (firstAtMs === null) {
        firstAtMs = nowMs;
        finish(name);
      } else if (nowMs - firstAtMs >= echoMs) {
        leave();
      }
    });
  }
}
