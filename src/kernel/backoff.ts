// Retry delays: a list of steps, the last one repeating, each spread by jitter so that clients do not march in step.

/** Delay in ms before try number `failures` + 1. `jitter` 0.25 spreads by +-25 %. `random` is in [0, 1). */
export function backoffMs(
  failures: number,
  options: { readonly stepsMs: readonly number[]; readonly jitter: number; readonly random: () => number },
): number {
  const last = options.stepsMs.length - 1;
  const step = options.stepsMs[Math.min(Math.max(failures - 1, 0), last)] ?? 0;
  return Math.round(step * (1 + options.jitter * (2 * options.random() - 1)));
}
