// Interleaved rounds: every target once per round and concurrency, in an order that moves on, so that whatever else the
// machine does falls on all of them. Ratios are formed within a round, where both sides saw the same machine.
import type { LoadGenerator } from './child.ts';
import { type CpuSeconds, cpuSecondsOf } from './process-tree.ts';
import type { LoadOrder, LoadResult, Target } from './wire.ts';

export type Plan = {
  readonly concurrencies: readonly number[];
  readonly rounds: number;
  /** Before everything, for each target. */
  readonly firstWarmUpMs: number;
  /** Before each measurement. */
  readonly warmUpMs: number;
  readonly measureMs: number;
};

export type Result = LoadResult & {
  /** CPU time per request of the server, and of its children (the database). Includes what they do besides. */
  readonly serverCpuMicros: number;
  readonly childrenCpuMicros: number;
};

/** By concurrency and name of the target: one result per round, in the order of rounds. */
export type Rounds = ReadonlyMap<number, ReadonlyMap<string, readonly Result[]>>;

export async function measure(
  generator: LoadGenerator,
  targets: readonly Target[],
  plan: Plan,
  say: (text: string) => void,
): Promise<Rounds> {
  const all = new Map<number, Map<string, Result[]>>();
  for (const target of targets) {
    say(`warming up ${target.name}`);
    // Tens of thousands of requests, until the engine has compiled what is hot; connections, plans and pages come along.
    const connections = Math.max(...plan.concurrencies);
    await generator.run({ target, connections, warmUpMs: 0, measureMs: plan.firstWarmUpMs });
  }
  for (const connections of plan.concurrencies) {
    const results = new Map<string, Result[]>(targets.map(({ name }) => [name, []]));
    all.set(connections, results);
    for (let round = 0; round < plan.rounds; round += 1) {
      say(`${connections} connections, round ${round + 1} of ${plan.rounds}`);
      for (let index = 0; index < targets.length; index += 1) {
        const target = targets[(index + round) % targets.length];
        if (target === undefined) continue;
        const result = await run(generator, {
          target,
          connections,
          warmUpMs: plan.warmUpMs,
          measureMs: plan.measureMs,
        });
        results.get(target.name)?.push(result);
      }
    }
  }
  return all;
}

async function run(generator: LoadGenerator, order: LoadOrder): Promise<Result> {
  // Warms up on its own, so that the CPU time is that of the measured requests.
  await generator.run({ ...order, measureMs: order.warmUpMs, warmUpMs: 0 });
  const before = cpuSecondsOf(order.target.pid);
  const result = await generator.run({ ...order, warmUpMs: 0 });
  const after = cpuSecondsOf(order.target.pid);
  const micros = (part: keyof CpuSeconds) => ((after[part] - before[part]) * 1e6) / result.requests;
  return { ...result, serverCpuMicros: micros('own'), childrenCpuMicros: micros('children') };
}
