import { expect, test } from 'vitest';
import { type Stall, stalledMs } from './machine-stalls.ts';

const everybody = (fromMs: number, toMs: number): Stall => ({ name: null, fromMs, toMs });
const only = (name: string, fromMs: number, toMs: number): Stall => ({ name, fromMs, toMs });

test('stalls that two witnesses saw count once', () => {
  const stalls = [everybody(500, 900), everybody(100, 300), only('p0-1', 200, 600), everybody(250, 280)];
  expect(stalledMs(stalls, { name: 'p0-1', fromMs: 0, toMs: 1_000 })).toBe(800);
});

test('a stall counts as far as it lies within the time', () => {
  expect(
    stalledMs([everybody(0, 400), everybody(900, 2_000)], { name: null, fromMs: 300, toMs: 1_000 }),
  ).toBe(200);
});

test('what held up another process counts for nobody else', () => {
  const stalls = [only('p1-2', 0, 1_000)];
  expect(stalledMs(stalls, { name: 'p0-1', fromMs: 0, toMs: 1_000 })).toBe(0);
  expect(stalledMs(stalls, { name: null, fromMs: 0, toMs: 1_000 })).toBe(0);
});
