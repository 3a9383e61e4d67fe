import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Plain } from '../kernel/plain.ts';
import { createProvider } from '../oauth/provider.ts';
import { type RefreshMode, refreshModes } from './auth-client-store.ts';
import { type NextDueInput, nextDue } from './next-due.ts';

const issuedAt = new Date('2026-01-01T00:00:00Z');
const day = 86_400;
const opaque = Plain.fromText('opaque');
const exact = createProvider({
  authorizeUrl: null,
  tokenUrl: 'https://start.exactonline.nl/api/oauth2/token',
});
const before = (seconds: number) => new Date(issuedAt.getTime() - seconds * 1000);
const after = (seconds: number) => new Date(issuedAt.getTime() + seconds * 1000);

type Given = {
  readonly life?: number | null;
  readonly refreshLife?: number | null;
  readonly mode?: RefreshMode;
  readonly lead?: number | null;
  readonly lifeDefault?: number | null;
  readonly usedAgo?: number | null;
} & Partial<Pick<NextDueInput, 'refreshToken' | 'quirks' | 'learnedSeconds' | 'random'>>;

function due(given: Given) {
  const result = nextDue({
    issuedAt,
    answer: {
      accessToken: opaque,
      expiresInSeconds: given.life === undefined ? 3_600 : given.life,
      refreshExpiresInSeconds: given.refreshLife ?? null,
    },
    refreshToken: given.refreshToken ?? 'new',
    client: {
      tokenExpiresInSeconds: given.lifeDefault ?? null,
      leadSeconds: given.lead ?? null,
      refreshMode: given.mode ?? 'eager',
    },
    quirks: given.quirks ?? null,
    learnedSeconds: given.learnedSeconds ?? null,
    lastUsedAt: given.usedAgo === undefined || given.usedAgo === null ? null : before(given.usedAgo),
    random: given.random ?? (() => 0.5),
  });
  const seconds = (at: Date | null) => (at === null ? null : (at.getTime() - issuedAt.getTime()) / 1000);
  return {
    due: seconds(result.refreshDueAt),
    expires: seconds(result.expiresAt),
    refreshExpires: seconds(result.refreshExpiresAt),
    assumed: result.expiryAssumed,
  };
}

const known = (refreshLifetimeSeconds: number | null) => ({
  defaultLifetimeSeconds: null,
  maxLeadSeconds: null,
  refreshLifetimeSeconds,
});

test('Exact Online is never refreshed before its last 30 s: by the catalogue, and whatever lead its client sets', () => {
  fc.assert(
    fc.property(
      fc.option(fc.integer({ min: 0, max: 100_000 })),
      fc.constantFrom('eager' as const, 'when_used' as const),
      fc.double({ min: 0, max: 0.999_999, noNaN: true }),
      fc.constantFrom(600, null),
      (lead, mode, random, life) => {
        const left =
          600 - (due({ life, lead, mode, usedAgo: 60, quirks: exact.quirks, random: () => random }).due ?? 0);
        return left <= 30 && left > 0;
      },
    ),
    { numRuns: 100_000 },
  );
  // Where the catalogue does not know the host, the client's own lead does the same.
  for (const random of [0, 0.5, 0.999]) {
    expect(600 - (due({ life: 600, lead: 30, random: () => random }).due ?? 0)).toBeLessThanOrEqual(30);
  }
});

test('100,000 random lifetimes, leads, modes and refresh lives: due is after half-life, in time, and never null', () => {
  const seconds = (max: number) => fc.option(fc.integer({ min: 1, max }));
  fc.assert(
    fc.property(
      fc.record({
        life: seconds(10_000_000),
        lead: seconds(100_000),
        refreshLife: seconds(200 * day),
        usedAgo: seconds(3 * day),
        mode: fc.constantFrom(...refreshModes),
        learnedSeconds: seconds(5_000),
        random: fc.double({ min: 0, max: 0.999_999, noNaN: true }).map((value) => () => value),
      }),
      (given) => {
        const { due: at, expires } = due(given);
        if (at === null || expires === null || at <= 0) return false;
        const isParked =
          given.mode === 'keep_alive' || (given.mode === 'when_used' && (given.usedAgo ?? 9e9) > day);
        const eager = due({ ...given, mode: 'eager' }).due ?? 0;
        if (!isParked) return at === eager && at <= expires;
        const inTime = given.refreshLife === null ? 7 * day : Math.min(7 * day, given.refreshLife / 2);
        return (
          at >= eager && (at <= inTime + 0.01 || at === eager) && (at === eager || at >= 0.9 * inTime - 0.01)
        );
      },
    ),
    { numRuns: 100_000 },
  );
});

test('a client’s lead moves the refresh to that long before expiry', () => {
  for (const lead of [60, 300, 1_700]) {
    const at = due({ lead }).due ?? 0;
    expect(3_600 - at).toBeLessThanOrEqual(lead);
    expect(3_600 - at).toBeGreaterThanOrEqual(lead * 0.9);
  }
});

test('when_used: used within a day as eager, idle parked for half of the refresh token’s life', () => {
  const mode = 'when_used' as const;
  expect(due({ mode, usedAgo: 60 })).toEqual(due({}));
  expect(due({ mode, usedAgo: day - 1 })).toEqual(due({}));
  for (const usedAgo of [day + 1, 30 * day, null]) {
    expect(due({ mode, usedAgo, refreshLife: 4 * day }).due).toBe(2 * day * 0.95);
    expect(due({ mode, usedAgo, quirks: known(60 * day) }).due).toBe(7 * day * 0.95);
    expect(due({ mode, usedAgo }).due).toBe(7 * day * 0.95);
  }
});

test('keep_alive: never ahead of expiry, however much it is used, and always before the refresh token dies', () => {
  for (const usedAgo of [0, 60, null]) {
    const at = due({ mode: 'keep_alive', usedAgo, refreshLife: 2 * day }).due ?? 0;
    expect(at).toBeGreaterThan(3_600);
    expect(at).toBeLessThanOrEqual(day);
  }
});

test('a kept refresh token in its last hours is not asked for more often than an eager one', () => {
  for (const left of [30, 600, 7_200, -5]) {
    const given = { refreshToken: { keptUntil: after(left) } } as const;
    const parked = due({ mode: 'keep_alive', ...given }).due ?? 0;
    expect(parked).toBeGreaterThanOrEqual(due(given).due ?? 0);
  }
});

test('the end of a refresh token: what the answer says, else the catalogue for a new one, else what was known', () => {
  expect(due({ refreshLife: 100, quirks: known(day) }).refreshExpires).toBe(100);
  expect(due({ quirks: known(day) }).refreshExpires).toBe(day);
  expect(due({}).refreshExpires).toBe(null);
  expect(due({ quirks: known(day), refreshToken: { keptUntil: after(500) } }).refreshExpires).toBe(500);
  expect(due({ refreshLife: 100, refreshToken: { keptUntil: after(500) } }).refreshExpires).toBe(100);
  expect(due({ refreshLife: 100, refreshToken: 'none' })).toMatchObject({ refreshExpires: null, due: null });
});

test('a missing lifetime: the client’s word, then experience, then the catalogue, then an hour; never expired', () => {
  const quirks = { ...known(null), defaultLifetimeSeconds: 7_200 };
  const life = null;
  expect(due({ life, lifeDefault: 5_000, learnedSeconds: 600, quirks })).toMatchObject({
    expires: 5_000,
    assumed: true,
  });
  expect(due({ life, learnedSeconds: 600, quirks })).toMatchObject({ expires: 600, assumed: true });
  expect(due({ life, learnedSeconds: 600 })).toMatchObject({ expires: 600, assumed: true });
  expect(due({ life, quirks })).toMatchObject({ expires: 7_200, assumed: true });
  expect(due({ life })).toMatchObject({ expires: 3_600, assumed: true });
  // Experience that has faded beyond what would be assumed anyway is over.
  expect(due({ life, learnedSeconds: 9_000, quirks }).expires).toBe(7_200);
  expect(due({ life, learnedSeconds: 9_000 }).expires).toBe(3_600);
  // What the provider says is not up for learning.
  expect(due({ life: 3_000, learnedSeconds: 600, quirks })).toMatchObject({ expires: 3_000, assumed: false });
});
