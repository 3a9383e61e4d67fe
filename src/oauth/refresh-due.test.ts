import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Plain } from '../kernel/plain.ts';
import { type RefreshDueInput, refreshDue } from './refresh-due.ts';

const issuedAt = new Date('2026-01-01T00:00:00Z');

function due(input: Partial<RefreshDueInput>): {
  expires: number | null;
  due: number | null;
  assumed: boolean;
} {
  const result = refreshDue({
    issuedAt,
    expiresInSeconds: null,
    isRenewable: true,
    random: () => 0.5,
    ...input,
  });
  const after = (date: Date | null): number | null =>
    date === null ? null : (date.getTime() - issuedAt.getTime()) / 1000;
  return { expires: after(result.expiresAt), due: after(result.refreshDueAt), assumed: result.expiryAssumed };
}

function jwt(claims: object): Plain {
  return Plain.fromText(`e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`);
}

test('one-hour tokens are due in minutes 42 to 48', () => {
  expect(due({ expiresInSeconds: 3600, random: () => 0 })).toEqual({
    expires: 3600,
    due: 48 * 60,
    assumed: false,
  });
  expect(due({ expiresInSeconds: 3600, random: () => 0.999_999 }).due).toBeCloseTo(42 * 60, 1);
});

test('100,000 random lifetimes are due inside their window: never at once, never after expiry, P1 kept from 240 s on', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 315_360_000 }),
      fc.double({ min: 0, max: 0.999_999, noNaN: true }),
      (life, random) => {
        const result = due({ expiresInSeconds: life, random: () => random }).due ?? -1;
        const left = life - result;
        if (result < 0.45 * life - 0.01 || left <= 0) return false;
        if (life < 600) return left >= 0.45 * life - 0.01;
        const lead = Math.min(Math.max(0.2 * life, 120), 900);
        return left >= lead - 0.01 && left <= lead + 0.1 * life + 0.01 && left >= 60;
      },
    ),
    { numRuns: 100_000 },
  );
  fc.assert(
    fc.property(
      fc.integer({ min: 240, max: 100_000 }),
      fc.double({ min: 0, max: 0.999_999, noNaN: true }),
      (life, random) => {
        return life - (due({ expiresInSeconds: life, random: () => random }).due ?? life) >= 60;
      },
    ),
    { numRuns: 100_000 },
  );
});

test('with any mix of leads, limits and defaults: due after issue, not after expiry, inside the lead', () => {
  const seconds = fc.option(fc.integer({ min: -5, max: 100_000 }));
  fc.assert(
    fc.property(
      fc.record({
        expiresInSeconds: seconds,
        refreshExpiresInSeconds: seconds,
        clientDefaultSeconds: seconds,
        catalogueDefaultSeconds: seconds,
        leadSeconds: seconds,
        maxLeadSeconds: seconds,
        isRenewable: fc.boolean(),
        random: fc.double({ min: 0, max: 0.999_999, noNaN: true }).map((value) => () => value),
      }),
      (input) => {
        const result = due(input);
        if (!input.isRenewable) return result.due === null;
        if (result.expires === null || result.due === null) return false;
        const limits = [input.leadSeconds, input.maxLeadSeconds].filter(
          (one): one is number => one !== null && one > 0,
        );
        const rtLife = input.refreshExpiresInSeconds ?? 0;
        if (rtLife > 0) return result.due > 0 && result.due <= Math.min(result.expires, rtLife);
        return (
          result.due > 0 &&
          result.due <= result.expires &&
          limits.every((limit) => (result.expires ?? 0) - (result.due ?? 0) <= limit + 0.01)
        );
      },
    ),
    { numRuns: 20_000 },
  );
});

test('a provider that refuses early refreshes is asked in its last seconds only', () => {
  for (const random of [0, 0.5, 0.999]) {
    const result = due({ expiresInSeconds: 600, maxLeadSeconds: 30, random: () => random });
    expect(result.due).toBeGreaterThanOrEqual(570);
    expect(result.due).toBeLessThanOrEqual(573.1);
  }
});

test('a lead longer than the life makes no refresh loop', () => {
  for (const leadSeconds of [600, 601, 3_600, 1e9]) {
    expect(due({ expiresInSeconds: 600, leadSeconds }).due).toBe(300);
  }
  expect(due({ expiresInSeconds: 3_600, leadSeconds: 60 }).due).toBe(3_543);
  expect(due({ expiresInSeconds: 3_600, leadSeconds: 60, maxLeadSeconds: 30 }).due).toBeGreaterThanOrEqual(
    3_570,
  );
});

test('without expires_in: client, catalogue, the token itself, an hour; and it says so', () => {
  expect(due({ clientDefaultSeconds: 18_000, catalogueDefaultSeconds: 7_200 })).toMatchObject({
    expires: 18_000,
    assumed: true,
  });
  expect(due({ catalogueDefaultSeconds: 7_200 })).toMatchObject({ expires: 7_200, assumed: true });
  expect(due({ accessToken: jwt({ iat: 1, exp: 901 }) })).toMatchObject({ expires: 900, assumed: false });
  expect(due({ accessToken: jwt({ exp: issuedAt.getTime() / 1000 + 500 }) })).toMatchObject({ expires: 500 });
  expect(due({})).toMatchObject({ expires: 3_600, assumed: true });
  // The token's word shortens a default and never lengthens it.
  expect(due({ clientDefaultSeconds: 18_000, accessToken: jwt({ iat: 1, exp: 901 }) })).toMatchObject({
    expires: 900,
  });
  expect(due({ clientDefaultSeconds: 600, accessToken: jwt({ iat: 1, exp: 901 }) })).toMatchObject({
    expires: 600,
    assumed: true,
  });
});

test('missing, zero and negative lifetimes are never read as expired', () => {
  for (const expiresInSeconds of [null, 0, -1, Number.NaN]) {
    expect(due({ expiresInSeconds }), String(expiresInSeconds)).toMatchObject({
      expires: 3_600,
      assumed: true,
    });
  }
  for (const claims of [
    { exp: 'x' },
    { iat: 5, exp: 5 },
    { iat: 5, exp: 1 },
    { iat: 1, exp: 1e15 },
    {},
    [],
  ]) {
    expect(due({ accessToken: jwt(claims) }).expires).toBe(3_600);
  }
  for (const text of ['opaque', 'a.b.c', '..', 'a.b', 'e30.bnVsbA.x'])
    expect(due({ accessToken: Plain.fromText(text) }).expires).toBe(3_600);
});

test('a token that nothing can renew is static, or dies when it says, and no default makes it look dead', () => {
  expect(due({ isRenewable: false, clientDefaultSeconds: 3_600 })).toEqual({
    expires: null,
    due: null,
    assumed: false,
  });
  expect(due({ isRenewable: false, expiresInSeconds: 100 })).toEqual({
    expires: 100,
    due: null,
    assumed: false,
  });
  expect(due({ isRenewable: false, accessToken: jwt({ iat: 1, exp: 901 }) })).toEqual({
    expires: 900,
    due: null,
    assumed: false,
  });
});

test('a refresh token that dies first is used while it lives', () => {
  expect(due({ expiresInSeconds: 86_400, refreshExpiresInSeconds: 1_800 }).due).toBe(1_440);
});
