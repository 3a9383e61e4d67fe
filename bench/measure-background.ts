// How many refreshes a second the background does with a provider that takes 200 ms, beside the least that a refresh can
// cost: two prepared updates, each in a transaction of its own, on the same engine in the same run.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { newId } from '../src/kernel/ids.ts';
import { silentLog } from '../src/kernel/log.ts';
import { openEmbedded } from '../src/storage/database.ts';
import { type Server, startServer } from './child.ts';
import { memoryOf } from './process-tree.ts';
import { seedDue } from './seed-due.ts';
import { armStatement, commitStatement, referenceTable } from './seed-store.ts';
import { type Spread, spreadOf } from './spread.ts';

export type Background = {
  /** Refreshes a second, in each of the slices of a run. */
  readonly perSecond: Spread;
  /** Pairs of updates a second, before and after. */
  readonly reference: Spread;
  readonly refusedByProvider: number;
  /** Of the server, from its first seconds of refreshing to the end of the run. */
  readonly memoryGrowthBytes: number;
};

export type BackgroundPlan = {
  readonly grants: number;
  readonly apps: number;
  readonly slices: number;
  readonly sliceMs: number;
};

/** Connections of the reference: as many as the product's own door for this work has. */
const referenceConnections = 8;

export async function measureBackground(
  folder: string,
  plan: BackgroundPlan,
  say: (text: string) => void,
): Promise<Background> {
  const provider = await startServer('bench/token-endpoint.js', ['--latency', '200']);
  try {
    const directory = join(folder, 'background');
    say(`seeding ${plan.grants} grants of ${plan.apps} apps`);
    await seedInto(directory, plan, provider);
    const before = await measureReference(join(folder, 'reference-1'), plan);
    say('refreshing');
    const run = await watchProduct(directory, plan, provider);
    const after = await measureReference(join(folder, 'reference-2'), plan);
    return { ...run, reference: spreadOf([...before, ...after]) };
  } finally {
    await provider.stop();
  }
}

async function seedInto(directory: string, plan: BackgroundPlan, provider: Server): Promise<void> {
  await mkdir(directory, { mode: 0o700 });
  const database = await openEmbedded({ directory, log: silentLog });
  try {
    const tokenUrl = `http://127.0.0.1:${provider.port}/token`;
    await seedDue(database, { directory, tokenUrl, expiresInSeconds: 1_800, ...plan });
  } finally {
    await database.close();
  }
}

async function watchProduct(
  directory: string,
  plan: BackgroundPlan,
  provider: Server,
): Promise<Omit<Background, 'reference'>> {
  const product = await startServer('bin/latchkey.js', ['start'], {
    LATCHKEY_DATA: directory,
    PORT: '0',
    LOG_LEVEL: 'warn',
    LATCHKEY_EGRESS_ALLOW: `127.0.0.1:${provider.port}`,
  });
  try {
    // The first seconds load and compile what is hot, and fill the providers' gauges.
    await sleep(4_000);
    const idle = memoryOf(product.pid).ownRss;
    const rates: number[] = [];
    for (let slice = 0; slice < plan.slices; slice += 1) {
      const from = await countsOf(provider);
      const startedAt = performance.now();
      await sleep(plan.sliceMs);
      const to = await countsOf(provider);
      if (to.requests >= plan.grants) break;
      rates.push(((to.requests - from.requests) * 1000) / (performance.now() - startedAt));
    }
    const { refused } = await countsOf(provider);
    const memoryGrowthBytes = memoryOf(product.pid).ownRss - idle;
    return { perSecond: spreadOf(rates), refusedByProvider: refused, memoryGrowthBytes };
  } finally {
    await product.stop();
  }
}

async function countsOf(provider: Server): Promise<{ readonly requests: number; readonly refused: number }> {
  const answer = await fetch(`http://127.0.0.1:${provider.port}/count`);
  return (await answer.json()) as { requests: number; refused: number };
}

async function measureReference(directory: string, plan: BackgroundPlan): Promise<readonly number[]> {
  const database = await openEmbedded({ directory, log: silentLog });
  const pool = new pg.Pool({ ...database.server.login('owner'), max: referenceConnections });
  try {
    const ids = Array.from({ length: 20_000 }, () => newId<never>() as string);
    const ct = Buffer.alloc(700, 7);
    await pool.query(referenceTable);
    await pool.query(
      'insert into bench_grant (id, ct, due_at) select id, $2, clock_timestamp() from unnest($1::uuid[]) id',
      [ids, ct],
    );
    await pool.query('vacuum analyze bench_grant');
    const rates: number[] = [];
    for (let slice = 0; slice <= Math.ceil(plan.slices / 2); slice += 1) {
      const endAt = performance.now() + plan.sliceMs;
      let pairs = 0;
      const one = async (): Promise<void> => {
        while (performance.now() < endAt) {
          const id = ids[Math.floor(Math.random() * ids.length)];
          await pool.query({ name: 'arm', text: armStatement, values: [id] });
          await pool.query({ name: 'commit', text: commitStatement, values: [id, ct] });
          pairs += 1;
        }
      };
      await Promise.all(Array.from({ length: referenceConnections }, one));
      // The first one compiles and plans.
      if (slice > 0) rates.push((pairs * 1000) / plan.sliceMs);
    }
    return rates;
  } finally {
    await pool.end();
    await database.close();
  }
}
