// `npm run bench`: what a token read costs beside the least that it could cost, how fast a server starts, and what it
// holds while nobody asks. Prints ratios and whether they keep our promises; with --check, one that is broken fails it.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { judge } from './bars.ts';
import { startLoadGenerator, startServer } from './child.ts';
import { describeMachine } from './machine.ts';
import { measure, type Plan } from './measure.ts';
import { print } from './print.ts';
import { memoryOf } from './process-tree.ts';
import type { Report } from './report.ts';
import { seed } from './seed.ts';
import { measureIdle, measureStarts } from './start-up.ts';
import type { Target } from './wire.ts';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
  },
});

const plan: Plan = {
  concurrencies: [1, 8, 32],
  rounds: options.quick ? 3 : 9,
  firstWarmUpMs: options.quick ? 3_000 : 10_000,
  warmUpMs: options.quick ? 100 : 300,
  measureMs: options.quick ? 500 : 1_500,
};
const sizes = [1_000, 100_000] as const;
const starts = options.quick ? 3 : 9;

const say = (text: string): void => {
  if (!options.json) console.error(`  ${text}`);
};

const folder = await mkdtemp(join(tmpdir(), 'latchkey-bench-'));
const closers: (() => Promise<void>)[] = [() => rm(folder, { recursive: true, force: true })];
const stopped = async (): Promise<void> => {
  for (const close of closers.splice(0).reverse()) await close();
};
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void stopped().finally(() => process.exit(1)));
}

try {
  const report = await run();
  if (options.json) console.log(JSON.stringify(report, null, 2));
  else print(report);
  if (options.check && report.bars.some((bar) => !bar.isKept)) process.exitCode = 1;
} finally {
  await stopped();
}

async function run(): Promise<Report> {
  const loadBefore = describeMachine().load;
  const seeded = await seedAll();
  const start = await measureStarts(seeded[0].directory, starts, say);
  const idle = await measureIdle(seeded[0].directory, say);
  const { targets, productPids } = await startAll(seeded);
  const generator = startLoadGenerator();
  closers.push(generator.stop);
  const rounds = await measure(generator, targets, plan, say);
  const afterReads = productPids.map((pid) => memoryOf(pid));
  const machine = { ...describeMachine(), loadBefore, postgres: seeded[0].databaseVersion };
  const figures = {
    machine,
    plan,
    sizes,
    seedingMs: seeded.map(({ tookMs }) => tookMs),
    rounds,
    start,
    idle,
    afterReads,
  };
  return { ...figures, rounds: toRecord(rounds), bars: judge(figures) };
}

type SeededDirectory = Awaited<ReturnType<typeof seed>> & {
  readonly directory: string;
  readonly idsFile: string;
  readonly count: number;
  readonly tookMs: number;
};

async function seedAll(): Promise<readonly [SeededDirectory, SeededDirectory]> {
  const seedOne = async (count: number): Promise<SeededDirectory> => {
    say(`seeding ${count} credentials`);
    const directory = join(folder, `data-${count}`);
    const startedAt = performance.now();
    const made = await seed(directory, count);
    const tookMs = performance.now() - startedAt;
    const idsFile = join(folder, `ids-${count}.json`);
    await writeFile(idsFile, JSON.stringify(made.ids));
    return { ...made, directory, idsFile, count, tookMs };
  };
  return [await seedOne(sizes[0]), await seedOne(sizes[1])];
}

async function startAll(seeded: readonly SeededDirectory[]) {
  const targets: Target[] = [];
  const productPids: number[] = [];
  for (const { directory, idsFile, count, workspaceId, apiToken } of seeded) {
    const product = await startServer('bin/latchkey.js', ['start'], {
      LATCHKEY_DATA: directory,
      PORT: '0',
      LOG_LEVEL: 'warn',
    });
    closers.push(product.stop);
    productPids.push(product.pid);
    const common = { ids: idsFile };
    targets.push({
      ...common,
      name: `product ${count}`,
      pid: product.pid,
      port: product.port,
      path: `/v2/workspaces/${workspaceId}/secrets/`,
      authorization: `Bearer ${apiToken}`,
    });
    const bareDirectory = join(folder, `bare-${count}`);
    await mkdir(bareDirectory);
    const bare = await startServer('bench/reference-server.js', ['bare', bareDirectory, idsFile]);
    closers.push(bare.stop);
    targets.push({
      ...common,
      name: `bare ${count}`,
      pid: bare.pid,
      port: bare.port,
      path: '/v2/workspaces/bench/secrets/',
      authorization: null,
    });
  }
  const hello = await startServer('bench/reference-server.js', ['hello']);
  closers.push(hello.stop);
  targets.push({
    name: 'hello',
    pid: hello.pid,
    port: hello.port,
    path: '/',
    ids: null,
    authorization: null,
  });
  return { targets, productPids };
}

function toRecord(rounds: Awaited<ReturnType<typeof measure>>): Report['rounds'] {
  return Object.fromEntries(
    [...rounds].map(([connections, results]) => [String(connections), Object.fromEntries(results)]),
  );
}
