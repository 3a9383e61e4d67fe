import { afterEach, expect, test, vi } from 'vitest';
import { watchLoopLag } from './loop-lag.ts';

afterEach(() => {
  vi.useRealTimers();
});

test('a loop that was blocked says by how much, until it has turned again in time', () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  let nowMs = 0;
  const loop = watchLoopLag({ clock: { now: () => new Date(nowMs), monotonicMs: () => nowMs } });
  const turn = (ms: number) => {
    nowMs += ms;
    vi.advanceTimersByTime(500);
  };
  turn(500);
  expect(loop.lagMs()).toBe(0);
  nowMs += 7_000;
  expect(loop.lagMs()).toBe(6_500);
  turn(0);
  expect(loop.lagMs()).toBe(6_500);
  turn(500);
  expect(loop.lagMs()).toBe(0);
  loop.stop();
});
