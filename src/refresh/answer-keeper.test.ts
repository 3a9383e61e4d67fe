import { expect, test } from 'vitest';
import type { KeptRefresh } from '../credentials/kept-refresh.ts';
import { Fault } from '../kernel/fault.ts';
import { silentLog } from '../kernel/log.ts';
import type { AnswerJournal } from './answer-journal.ts';
import { createAnswerKeeper } from './answer-keeper.ts';
import { silentRefreshMeter } from './refresh-meter.ts';
import { productionTimings } from './refresh-timings.ts';

const kept = {} as KeptRefresh;

/** A database that is away for so many tries, and time that passes only in sleep. */
function openKeeper(failures: number, takes = true) {
  const story: string[] = [];
  let nowMs = 0;
  let left = failures;
  const journal: AnswerJournal = {
    keep: async () => {
      story.push('on disk');
      return { id: '1' };
    },
    settle: () => void story.push('settled'),
    replay: async () => 0,
    close: async () => void story.push('closed'),
  };
  const keeper = createAnswerKeeper({
    desk: {
      commit: async () => {
        left -= 1;
        if (left >= 0) throw new Fault('unavailable', 'Away.');
        story.push('committed');
        return takes;
      },
      replay: async () => 'busy',
      giveBack: async () => void story.push('given back'),
    },
    journal,
    clock: { now: () => new Date(nowMs), monotonicMs: () => nowMs },
    sleep: async (ms) => {
      story.push(keeper.gate.mayArm() ? 'open' : 'shut');
      nowMs += ms;
    },
    log: silentLog,
    timings: productionTimings,
    meter: silentRefreshMeter,
  });
  return { keeper, story, passed: () => nowMs };
}

test('an answer is on disk before it is committed, and settled only after', async () => {
  const { keeper, story } = openKeeper(0);
  expect(await keeper.keep('attempt', kept)).toBe('committed');
  expect(story).toEqual(['on disk', 'committed', 'settled']);
});

test('one that came too late is given back before it is forgotten', async () => {
  const { keeper, story } = openKeeper(0, false);
  expect(await keeper.keep('attempt', kept)).toBe('superseded');
  expect(story).toEqual(['on disk', 'committed', 'given back', 'settled']);
});

test('however long the database is away, the answer is offered again, and from the third failure nothing new is sent', async () => {
  const { keeper, story, passed } = openKeeper(200);
  const keeping = keeper.keep('attempt', kept);
  expect(keeper.held()).toEqual(['attempt']);
  expect(await keeping).toBe('committed');
  expect(keeper.held()).toEqual([]);
  expect(story.slice(0, 5)).toEqual(['on disk', 'open', 'open', 'shut', 'shut']);
  expect(keeper.gate.mayArm()).toBe(true);
  expect(passed()).toBeGreaterThan(3 * 3_600_000);
});

test('who waits for refreshes that wait for the database waits no longer than a stopping process may', async () => {
  const { keeper, story, passed } = openKeeper(Number.POSITIVE_INFINITY);
  const keeping = keeper.keep('attempt', kept);
  const writing = keeper.persist(async () => {
    throw new Fault('unavailable', 'Away.');
  });
  keeper.hurry();
  // As draining does: first the refreshes themselves, then the keeper.
  expect(await keeping).toBe('left');
  await expect(writing).rejects.toThrow('stopped before the commit');
  expect(passed()).toBeLessThanOrEqual(productionTimings.drainMs);
  expect(story).not.toContain('settled');
});

test('a process that is told to stop leaves the answer in the journal after a while', async () => {
  const { keeper, story } = openKeeper(Number.POSITIVE_INFINITY);
  const keeping = keeper.keep('attempt', kept);
  await keeper.drain();
  expect(await keeping).toBe('left');
  expect(story).not.toContain('settled');
  expect(story.at(-1)).toBe('closed');
});
