import { expect, test } from 'vitest';
import { createAttemptLimit } from './attempt-limit.ts';

function limitOf(max: number) {
  let nowMs = 0;
  const clock = { now: () => new Date(nowMs), monotonicMs: () => nowMs };
  return {
    limit: createAttemptLimit({ clock, max, windowMs: 60_000 }),
    pass: (ms: number) => {
      nowMs += ms;
    },
  };
}

test('as many attempts as allowed pass in a window, the next one is told how long to wait', () => {
  const { limit, pass } = limitOf(2);
  expect(limit.take('ada')).toBeNull();
  pass(20_000);
  expect(limit.take('ada')).toBeNull();
  expect(limit.take('ada')).toBe(40);
  expect(limit.take('bob')).toBeNull();
});

test('whoever waits as long as told gets through, however often it was tried meanwhile', () => {
  const { limit, pass } = limitOf(1);
  limit.take('ada');
  for (let tries = 0; tries < 50; tries += 1) {
    pass(1_000);
    expect(limit.take('ada')).toBe(59 - tries);
  }
  pass(10_000);
  expect(limit.take('ada')).toBeNull();
});

test('a success starts the count anew', () => {
  const { limit } = limitOf(1);
  limit.take('ada');
  limit.forget('ada');
  expect(limit.take('ada')).toBeNull();
});
