import { expect, test } from 'vitest';
import type { TokenProblem } from '../oauth/token-outcome.ts';
import { decideFailure } from './failure-rule.ts';

const said = { code: 'some_code', message: 'Words.', cure: 'Cure.' };
const problems: Record<TokenProblem['kind'], TokenProblem> = {
  revoked: { kind: 'revoked', ...said },
  client_rejected: { kind: 'client_rejected', ...said },
  transient: { kind: 'transient', retryAfterMs: null, ...said },
  throttled: { kind: 'throttled', retryAfterMs: 7_000, ...said },
  unknown: { kind: 'unknown', ...said },
};
const first = { outcomeUnknown: false, suspectSince: null, failCount: 0 };
const histories = {
  first,
  again: { ...first, failCount: 1, suspectSince: new Date(0) },
  'after unknown': { ...first, failCount: 1, outcomeUnknown: true },
  'after both': { outcomeUnknown: true, suspectSince: new Date(0), failCount: 2 },
};
const middle = () => 0.5;

test('every kind of failure, the first time, again and after an unknown outcome', () => {
  const table: Record<string, string> = {};
  for (const [kind, problem] of Object.entries(problems)) {
    for (const [history, grant] of Object.entries(histories)) {
      const decided = decideFailure(problem, grant, middle);
      table[`${kind}, ${history}`] = [
        decided.state,
        decided.retryAfterSeconds ?? 'never',
        decided.errorCode,
        ...(decided.outcomeUnknown ? ['unknown'] : []),
        ...(decided.isSuspect ? ['suspect'] : []),
        ...(decided.tripsClient ? ['trips'] : []),
      ].join(' ');
    }
  }
  expect(table).toEqual({
    'revoked, first': 'degraded 60 some_code suspect',
    'revoked, again': 'needs_reauth never some_code',
    'revoked, after unknown': 'needs_reauth never lost_rotation',
    'revoked, after both': 'needs_reauth never lost_rotation',
    'client_rejected, first': 'degraded 600 some_code trips',
    'client_rejected, again': 'degraded 600 some_code trips',
    'client_rejected, after unknown': 'degraded 600 some_code trips',
    'client_rejected, after both': 'degraded 600 some_code trips',
    'transient, first': 'degraded 5 some_code',
    'transient, again': 'degraded 15 some_code',
    'transient, after unknown': 'degraded 15 some_code',
    'transient, after both': 'degraded 45 some_code',
    'throttled, first': 'degraded 7 some_code',
    'throttled, again': 'degraded 7 some_code',
    'throttled, after unknown': 'degraded 7 some_code',
    'throttled, after both': 'degraded 7 some_code',
    'unknown, first': 'degraded 5 some_code unknown',
    'unknown, again': 'degraded 15 some_code unknown',
    'unknown, after unknown': 'degraded 15 some_code unknown',
    'unknown, after both': 'degraded 45 some_code unknown',
  });
});

test('only a refused refresh token ends a grant, and never the first time without a lost answer', () => {
  for (const [kind, problem] of Object.entries(problems)) {
    for (let failCount = 0; failCount < 1_000; failCount += 37) {
      for (const suspectSince of [null, new Date(0)]) {
        for (const outcomeUnknown of [false, true]) {
          const { state } = decideFailure(problem, { failCount, suspectSince, outcomeUnknown }, Math.random);
          const mayEnd = kind === 'revoked' && (suspectSince !== null || outcomeUnknown);
          expect(state === 'needs_reauth').toBe(mayEnd);
        }
      }
    }
  }
});

test('waiting grows to a quarter of an hour and not beyond, whatever chance says', () => {
  for (const random of [() => 0, () => 0.999_999]) {
    for (let failCount = 0; failCount < 200; failCount += 1) {
      const { retryAfterSeconds } = decideFailure(problems.transient, { ...first, failCount }, random);
      expect(retryAfterSeconds).toBeGreaterThanOrEqual(3.75);
      expect(retryAfterSeconds).toBeLessThanOrEqual(1_125);
    }
    const { retryAfterSeconds } = decideFailure(problems.revoked, first, random);
    expect(retryAfterSeconds).toBeGreaterThanOrEqual(30);
    expect(retryAfterSeconds).toBeLessThanOrEqual(90);
  }
});

test('a provider’s own waiting time is kept when it is longer, and never shortened to nothing', () => {
  const wait = (problem: TokenProblem) => decideFailure(problem, first, middle).retryAfterSeconds;
  expect(wait({ ...said, kind: 'transient', retryAfterMs: 120_000 })).toBe(120);
  expect(wait({ ...said, kind: 'transient', retryAfterMs: 1 })).toBe(5);
  expect(wait({ ...said, kind: 'throttled', retryAfterMs: 0 })).toBe(1);
});
