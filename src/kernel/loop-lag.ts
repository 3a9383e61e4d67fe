// How late this process is: whatever blocks its event loop delays every answer, and only a restart helps against a
// block that does not end.
import type { Clock } from './clock.ts';

export type LoopLag = { readonly lagMs: () => number; readonly stop: () => void };

const tickMs = 500;

export function watchLoopLag({ clock }: { readonly clock: Clock }): LoopLag {
  let tickedAtMs = clock.monotonicMs();
  let lastLagMs = 0;
  const late = () => Math.max(0, clock.monotonicMs() - tickedAtMs - tickMs);
  const timer = setInterval(() => {
    lastLagMs = late();
    tickedAtMs = clock.monotonicMs();
  }, tickMs);
  timer.unref();
  return { lagMs: () => Math.max(lastLagMs, late()), stop: () => clearInterval(timer) };
}
