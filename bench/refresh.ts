// `npm run bench:refresh`: what keeping tokens fresh costs. Prints figures and whether they keep our promises; with
// --check, one that is broken fails it; with --large, tables grow to a million grants. The last line says all of it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { describeMachine } from './machine.ts';
import { type Background, measureBackground } from './measure-background.ts';
import { type ClaimCost, measureClaims } from './measure-claims.ts';
import { measureStampede, type Stampede } from './measure-stampede.ts';
import type { Bar } from './report.ts';
import type { Spread } from './spread.ts';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    large: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
  },
});
const say = (text: string): void => {
  if (!options.json) console.error(`  ${text}`);
};

const folder = await mkdtemp(join(tmpdir(), 'latchkey-bench-refresh-'));
try {
  const background = await measureBackground(
    folder,
    options.quick
      ? { grants: 10_000, apps: 64, slices: 3, sliceMs: 3_000 }
      : { grants: 40_000, apps: 64, slices: 6, sliceMs: 5_000 },
    say,
  );
  const sizes = [10_000, ...(options.quick ? [] : [100_000]), ...(options.large ? [1_000_000] : [])];
  const claims = await measureClaims(folder, { sizes, turns: options.quick ? 10 : 30 }, say);
  const stampede = await measureStampede(folder, options.quick ? 3 : 9, say);
  const bars = judge({ background, claims, stampede });
  const report = { machine: describeMachine(), background, claims, stampede, bars };
  if (options.json) console.log(JSON.stringify(report, null, 2));
  else print(report);
  if (options.check && bars.some((bar) => !bar.isKept)) process.exitCode = 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}

type Figures = {
  readonly background: Background;
  readonly claims: readonly ClaimCost[];
  readonly stampede: Stampede;
};

function judge({ background, claims, stampede }: Figures): readonly Bar[] {
  const growthMb = background.memoryGrowthBytes / 1e6;
  return [
    {
      name: 'background refreshes per second, provider of 200 ms',
      promise: 'at least 300, and no token refused',
      measured: `${whole(background.perSecond)}; two updates alone ${whole(background.reference)}; ${background.refusedByProvider} refused`,
      isKept: background.perSecond.median >= 300 && background.refusedByProvider === 0,
    },
    {
      name: 'memory of the server while it refreshes',
      promise: 'under 20 MB more',
      measured: `${growthMb.toFixed(0)} MB`,
      isKept: growthMb < 20,
    },
    ...growth('claim', claims, (cost) => cost.claimMicros),
    ...growth('commit', claims, (cost) => cost.commitMicros),
    {
      name: `token requests for ${stampede.readers} readers of ${stampede.processes} processes`,
      promise: '1, and nobody fails',
      measured: `${whole(stampede.requests)}; ${stampede.failed} failed`,
      isKept: stampede.requests.most === 1 && stampede.failed === 0,
    },
    {
      name: 'the last of those readers, beyond the provider',
      promise: 'at most 150 ms',
      measured: `${whole(stampede.extraMs)} ms`,
      isKept: stampede.extraMs.median <= 150,
    },
  ];
}

function growth(what: string, claims: readonly ClaimCost[], of: (cost: ClaimCost) => Spread): readonly Bar[] {
  const [first] = claims;
  if (first === undefined) return [];
  return claims.slice(1).map((cost) => {
    const times = of(cost).median / of(first).median;
    return {
      name: `${what} among ${cost.grants} grants beside ${first.grants}`,
      promise: 'within 1.3 times',
      measured: `${times.toFixed(2)} (${whole(of(cost))} µs a grant, ${whole(of(first))})`,
      isKept: times <= 1.3,
    };
  });
}

function print({
  machine,
  background,
  claims,
  stampede,
  bars,
}: Figures & {
  readonly machine: ReturnType<typeof describeMachine>;
  readonly bars: readonly Bar[];
}): void {
  console.log(
    `${machine.cores} cores (${machine.processor}), Node ${machine.node.slice(1)}, load ${machine.load} at the end`,
  );
  for (const { name, promise, measured, isKept } of bars) {
    console.log(`${isKept ? 'kept  ' : 'BROKEN'}  ${name}: ${measured}, promised ${promise}`);
  }
  const share = background.perSecond.median / background.reference.median;
  const [first] = claims;
  console.log(
    `${whole(background.perSecond)} refreshes/s (${share.toFixed(2)} of two updates), claim ${whole(first?.claimMicros)} µs and commit ${whole(first?.commitMicros)} µs a grant, ${stampede.requests.most} request per stampede, last reader + ${stampede.extraMs.median.toFixed(0)} ms`,
  );
}

function whole(spread: Spread | undefined): string {
  if (spread === undefined) return '?';
  return `${spread.median.toFixed(0)} (${spread.least.toFixed(0)} to ${spread.most.toFixed(0)})`;
}
