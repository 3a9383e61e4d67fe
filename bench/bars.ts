// The promises, and whether these figures keep them. Everything about reads is a ratio of two measurements of the same
// round, judged by its median: absolute figures say more about the machine than about us.
import type { Result, Rounds } from './measure.ts';
import type { Bar, Figures } from './report.ts';
import { type Spread, spreadOf } from './spread.ts';

const leastThroughput = 0.7;
const mostLatency = 2;
/** Rounds of one and the same server differ by as much on a quiet machine. */
const sizeTolerance = 0.1;
const mostStartMs = 1_500;
const mostIdleMb = 130;

export function judge(figures: Figures): readonly Bar[] {
  const { rounds, sizes, start, idle } = figures;
  const bars: Bar[] = [];
  for (const connections of rounds.keys()) {
    for (const size of sizes) {
      const [product, bare] = [`product ${size}`, `bare ${size}`];
      const throughput = ratios(rounds, connections, product, bare, (result) => result.perSecond);
      const latency = ratios(rounds, connections, product, bare, (result) => result.p99Ms);
      const of = `${connections} connections, ${size} credentials`;
      bars.push({
        name: `reads per second, ${of}`,
        promise: `at least ${leastThroughput} of bare`,
        measured: times(throughput),
        isKept: throughput.median >= leastThroughput,
      });
      bars.push({
        name: `p99 of a read, ${of}`,
        promise: `at most ${mostLatency} of bare`,
        measured: times(latency),
        isKept: latency.median <= mostLatency,
      });
    }
    bars.push(judgeSizes(rounds, connections, sizes));
  }
  bars.push({
    name: 'start on an existing directory',
    promise: `under ${mostStartMs} ms`,
    measured: `${start.readyMs.median.toFixed(0)} ms (${start.readyMs.least.toFixed(0)} to ${start.readyMs.most.toFixed(0)})`,
    isKept: start.readyMs.median < mostStartMs,
  });
  bars.push({
    name: 'memory of the idle server',
    promise: `under ${mostIdleMb} MB`,
    measured: `${(idle.ownRss / 1e6).toFixed(0)} MB`,
    isKept: idle.ownRss < mostIdleMb * 1e6,
  });
  return bars;
}

// A larger table makes every database a little slower: the reference says how much of the difference is that.
function judgeSizes(rounds: Rounds, connections: number, sizes: readonly number[]): Bar {
  const [small, large] = [sizes[0], sizes.at(-1)];
  const effect = (name: string) =>
    ratios(rounds, connections, `${name} ${large}`, `${name} ${small}`, (result) => result.perSecond);
  const [product, bare] = [effect('product'), effect('bare')];
  return {
    name: `${large} credentials beside ${small}, ${connections} connections`,
    promise: `within ${sizeTolerance} of what it does to bare`,
    measured: `${times(product)}; bare ${times(bare)}`,
    isKept: product.median >= Math.min(bare.median, 1) - sizeTolerance,
  };
}

/** Round by round: one measurement of `over` by the one of `under`. */
export function ratios(
  rounds: Rounds,
  connections: number,
  over: string,
  under: string,
  figure: (result: Result) => number,
): Spread {
  const results = rounds.get(connections);
  const below = results?.get(under) ?? [];
  return spreadOf(
    (results?.get(over) ?? []).map((result, round) => {
      const other = below[round];
      return other === undefined ? Number.NaN : figure(result) / figure(other);
    }),
  );
}

function times({ median, least, most }: Spread): string {
  return `${median.toFixed(2)} (${least.toFixed(2)} to ${most.toFixed(2)})`;
}
