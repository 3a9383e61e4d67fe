// A goodbye is the last word of a process: a beat after it would bring the row back to life, or find it gone back in time and
// call the database a copy.
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FreshDatabase } from '../../testing/copied-database.ts';
import { freshDatabase } from '../../testing/fresh-database.ts';
import { systemClock } from '../kernel/clock.ts';
import { createHeartbeat } from './heartbeat.ts';
import { beat } from './process-store.ts';

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());

const rowOf = (id: string) =>
  fresh.doors.asScheduler(async (tx) => {
    const found = await sql<{ drained: boolean; silent: boolean }>`
      select drained, heartbeat_at = '-infinity' as silent from process where id = ${id}`.execute(tx);
    return found.rows[0];
  });

test('a goodbye waits for the beat that is under way, and no beat follows it', async () => {
  const processId = randomUUID();
  let looks = 0;
  let release: () => void = () => {};
  let blocked: Promise<void> = Promise.resolve();
  const heartbeat = createHeartbeat({
    doors: fresh.doors,
    clock: systemClock,
    processId,
    build: 'test',
    watch: async () => {
      looks += 1;
      await blocked;
      return { vouchesFor: null, settle: () => {} };
    },
  });
  await heartbeat.beat();
  expect(await rowOf(processId)).toEqual({ drained: false, silent: false });
  blocked = new Promise((resolve) => {
    release = resolve;
  });
  const slow = heartbeat.beat();
  await expect.poll(() => looks).toBe(2);
  let isOver = false;
  const ending = heartbeat.end().then(() => {
    isOver = true;
  });
  await heartbeat.beat();
  expect([looks, isOver]).toEqual([2, false]);
  expect(await rowOf(processId)).toEqual({ drained: false, silent: false });
  release();
  await Promise.all([slow, ending]);
  expect(await rowOf(processId)).toEqual({ drained: true, silent: true });
  const late = await fresh.doors.asScheduler((tx) =>
    beat(tx, { id: processId, build: 'test', vouchesFor: null }),
  );
  expect(late).toBe(null);
  expect(await rowOf(processId)).toEqual({ drained: true, silent: true });
});
