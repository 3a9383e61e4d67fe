// `npm run bench`: the authenticated token read against two references in the same interleaved run, start-up, and idle
// memory. Prints ratios and whether each bar holds; `--check` makes a bar that does not hold the exit code.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Server, startLoadGenerator, startServer } from './child.ts';
import { measure, type Plan, type Rounds, spreadOf } from './measure.ts';
import { memoryOf } from './process-tree.ts';
import { seed } from './seed.ts';
import type { Target } from './wire.ts';

type Bar = { readonly name: string; readonly value: number; readonly bar: string; readonly holds: boolean };

const options = new Set(process.argv.slice(2));
const isQuick = options.has('--quick');
const isJson = options.has('--json');
const plan: Plan = isQuick
  ? { concurrencies: [1, 8, 32], rounds: 3, firstWarmUpMs: 3_000, warmUpMs: 300, measureMs: 1_500 }
  : { concurrencies: [1, 8, 32], rounds: 7, firstWarmUpMs: 8_000, warmUpMs: 500, measureMs: 3_000 };
const sizes = [1_000, 100_000] as const;
const startsMeasured = isQuick ? 3 : 7;
const settleMs = isQuick ? 5_000 : 20_000;

const say = (text: string): void => {
  if (!isJson) console.log(text);
};
const folder = await mkdtemp(join(tmpdir(), 'latchkey-bench-'));
const servers: Server[] = [];

async function up(script: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const server = await startServer(script, args, env);
  servers.push(server);
  return server;
}

async function down(server: Server): Promise<void> {
  servers.splice(servers.indexOf(server), 1);
  await server.stop();
}

const latchkey = (directory: string) =>
  up('src/cli.js', ['start'], { LATCHKEY_DATA: directory, PORT: '0', LOG_LEVEL: 'error' });

/** Rounds of all targets with one size of table, and the version of the database. */
async function readsWith(
  count: number,
): Promise<{ readonly rounds: Rounds; readonly databaseVersion: string }> {
  const directory = join(folder, `data-${count}`);
  say(`seeding ${count} credentials`);
  const { apiToken, workspaceId, ids, databaseVersion } = await seed(directory, count);
  const idsFile = join(folder, `ids-${count}.json`);
  await writeFile(idsFile, JSON.stringify(ids));
  const product = await latchkey(directory);
  const bare = await up('bench/reference-server.js', ['bare', join(folder, `bare-${count}`), idsFile]);
  const hello = await up('bench/reference-server.js', ['hello']);
  const targets: Target[] = [
    {
      name: 'latchkey',
      pid: product.pid,
      port: product.port,
      path: `/v2/workspaces/${workspaceId}/secrets/`,
      ids: idsFile,
      authorization: `Bearer ${apiToken}`,
    },
    {
      name: 'bare',
      pid: bare.pid,
      port: bare.port,
      path: '/v2/workspaces/bench/secrets/',
      ids: idsFile,
      authorization: null,
    },
    { name: 'hello', pid: hello.pid, port: hello.port, path: '/', ids: null, authorization: null },
  ];
  const generator = startLoadGenerator();
  try {
    return { rounds: await measure(generator, targets, plan, say), databaseVersion };
  } finally {
    await generator.stop();
    for (const server of [product, bare, hello]) await down(server);
  }
}

function column(
  rounds: Rounds,
  connections: number,
  name: string,
  field: 'perSecond' | 'p99Ms' | 'p50Ms',
): readonly number[] {
  return (rounds.get(connections)?.get(name) ?? []).map((result) => result[field]);
}

/** Formed within each round, where both sides saw the same machine. */
function ratio(rounds: Rounds, connections: number, field: 'perSecond' | 'p99Ms', other: string) {
  const ours = column(rounds, connections, 'latchkey', field);
  const theirs = column(rounds, connections, other, field);
  return spreadOf(ours.map((value, index) => value / (theirs[index] ?? Number.NaN)));
}

async function startAndIdle(directory: string) {
  const readyMs: number[] = [];
  for (let turn = 0; turn < startsMeasured; turn += 1) {
    const server = await latchkey(directory);
    readyMs.push(server.readyAfterMs);
    await down(server);
  }
  const server = await latchkey(directory);
  await sleep(settleMs);
  const memory = memoryOf(server.pid);
  await down(server);
  return { readyMs: spreadOf(readyMs), memory };
}

const megabytes = (value: number): number => Math.round(value / 1024 / 1024);
const round2 = (value: number): number => Math.round(value * 100) / 100;

try {
  const bars: Bar[] = [];
  const reads: Record<string, unknown>[] = [];
  const perSecondBySize = new Map<string, number>();
  let databaseVersion = '';
  for (const size of sizes) {
    const done = await readsWith(size);
    databaseVersion = done.databaseVersion;
    for (const connections of plan.concurrencies) {
      const rate = ratio(done.rounds, connections, 'perSecond', 'bare');
      const tail = ratio(done.rounds, connections, 'p99Ms', 'bare');
      const ofHello = ratio(done.rounds, connections, 'perSecond', 'hello');
      const perSecond = (name: string) =>
        Math.round(spreadOf(column(done.rounds, connections, name, 'perSecond')).median);
      const p99 = (name: string) => round2(spreadOf(column(done.rounds, connections, name, 'p99Ms')).median);
      perSecondBySize.set(`${size}:${connections}`, ofHello.median);
      reads.push({
        credentials: size,
        connections,
        perSecond: { latchkey: perSecond('latchkey'), bare: perSecond('bare'), hello: perSecond('hello') },
        p99Ms: { latchkey: p99('latchkey'), bare: p99('bare'), hello: p99('hello') },
        ratio: {
          ofBare: round2(rate.median),
          least: round2(rate.least),
          most: round2(rate.most),
          ofHello: round2(ofHello.median),
        },
        p99Ratio: round2(tail.median),
      });
      const name = `read, ${size} credentials, ${connections} connections`;
      bars.push({
        name: `${name}: x bare`,
        value: round2(rate.median),
        bar: '>= 0.7',
        holds: rate.median >= 0.7,
      });
      bars.push({
        name: `${name}: p99 x bare's`,
        value: round2(tail.median),
        bar: '<= 2',
        holds: tail.median <= 2,
      });
      say(
        `${name}: ${perSecond('latchkey')}/s, bare ${perSecond('bare')}/s, hello ${perSecond('hello')}/s; ` +
          `${round2(rate.median)}x bare (${round2(rate.least)}-${round2(rate.most)}), p99 ${p99('latchkey')} ms, ${round2(tail.median)}x`,
      );
    }
  }
  for (const connections of plan.concurrencies) {
    const small = perSecondBySize.get(`${sizes[0]}:${connections}`) ?? Number.NaN;
    const effect = (perSecondBySize.get(`${sizes[1]}:${connections}`) ?? Number.NaN) / small;
    bars.push({
      name: `table size, ${connections} connections: large / small`,
      value: round2(effect),
      bar: '>= 0.9',
      holds: effect >= 0.9,
    });
  }
  const { readyMs, memory } = await startAndIdle(join(folder, `data-${sizes[1]}`));
  bars.push({
    name: 'start on an existing directory, ms',
    value: Math.round(readyMs.median),
    bar: '< 1500',
    holds: readyMs.median < 1500,
  });
  bars.push({
    name: 'idle server, MB',
    value: megabytes(memory.ownRss),
    bar: '< 130',
    holds: memory.ownRss < 130 * 1024 * 1024,
  });
  const machine = {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model ?? 'unknown',
    node: process.version,
    database: databaseVersion,
    loadAtEnd: round2(loadavg()[0] ?? 0),
  };
  const children = {
    count: memory.children,
    rssMb: megabytes(memory.childrenRss),
    pssMb: memory.childrenPss === null ? null : megabytes(memory.childrenPss),
  };
  if (isJson)
    console.log(
      JSON.stringify(
        { machine, reads, start: readyMs, idle: { serverMb: megabytes(memory.ownRss), children }, bars },
        null,
        2,
      ),
    );
  else {
    say(`\n${JSON.stringify(machine)}`);
    say(`children of the idle server: ${JSON.stringify(children)}`);
    for (const { name, value, bar, holds } of bars)
      say(`${holds ? 'holds' : 'FAILS'}  ${name}: ${value} (${bar})`);
  }
  if (options.has('--check') && bars.some(({ holds }) => !holds)) process.exitCode = 1;
} finally {
  for (const server of [...servers]) await down(server);
  await rm(folder, { recursive: true, force: true });
}
