import { describe, expect, test } from 'vitest';
import type { Actor } from '../../tenancy/actor.ts';
import { createRequestContext, type GraphqlRooms } from './request-context.ts';

function contextAt(nowMs: () => number) {
  const clock = { now: () => new Date(0), monotonicMs: nowMs };
  return createRequestContext({ clock } as GraphqlRooms, {} as Actor, 'request');
}

describe('an answer', () => {
  test('that becomes too large is refused, however small its question was', () => {
    const { spend } = contextAt(() => 0);
    for (let lists = 0; lists < 100; lists += 1) spend(100);
    expect(() => spend(1)).toThrow(/more than 10000 objects/);
  });

  test('that takes too long is refused', () => {
    let nowMs = 0;
    const { spend } = contextAt(() => nowMs);
    nowMs = 10_000;
    spend(1);
    nowMs = 10_001;
    expect(() => spend(1)).toThrow(/takes too long/);
  });

  test('loads the same thing once', async () => {
    const { once } = contextAt(() => 0);
    let loads = 0;
    const load = async () => {
      loads += 1;
      return loads;
    };
    expect(await Promise.all([once('a', load), once('a', load), once('b', load)])).toEqual([1, 1, 2]);
  });
});
