// How long tokens live, from the many ways in which providers say it.

type Fields = Readonly<Record<string, unknown>>;

export type Lifetimes = {
  readonly expiresInSeconds: number | null;
  readonly refreshExpiresInSeconds: number | null;
};

const tenYears = 10 * 365 * 86_400;
// Below this a number is a lifetime in seconds (31 years), above it a point in time.
const leastEpochSeconds = 1_000_000_000;

// The first that says something usable counts. Zoho's `expires_in_sec` stands beside an `expires_in` in milliseconds.
const accessNames = [
  'expires_in_sec',
  'expires_in',
  'expiresIn',
  'expires_at',
  'expiresAt',
  'expires',
  'expiration',
];
const refreshNames = [
  'refresh_expires_in',
  'refresh_token_expires_in',
  'x_refresh_token_expires_in',
  'refreshTokenExpiresIn',
  'refresh_token_expires_at',
];
// Intuit: the day after which no refresh prolongs the grant any more.
const hardRefreshNames = ['x_refresh_token_hard_expires_in'];

/** Null means "not said": absent, zero, negative, or not a time. `now` turns dates into lifetimes. */
export function readLifetime(input: {
  readonly fields: Fields;
  readonly unit: 's' | 'ms';
  readonly now: Date;
}): Lifetimes {
  const first = (names: readonly string[], unit: 's' | 'ms'): number | null => {
    for (const name of names) {
      const seconds = toSeconds(input.fields[name], unit, input.now);
      if (seconds !== null) return seconds;
    }
    return null;
  };
  const soft = first(refreshNames, 's');
  const hard = first(hardRefreshNames, 's');
  return {
    expiresInSeconds: first(accessNames, input.unit),
    refreshExpiresInSeconds: soft === null || hard === null ? (soft ?? hard) : Math.min(soft, hard),
  };
}

function toSeconds(value: unknown, unit: 's' | 'ms', now: Date): number | null {
  const number = toNumber(value);
  if (number === null) return typeof value === 'string' ? fromDate(value, now) : null;
  if (number < leastEpochSeconds) return clamp(unit === 'ms' ? number / 1000 : number);
  const nowSeconds = now.getTime() / 1000;
  for (const point of [number, number / 1000]) {
    if (Math.abs(point - nowSeconds) <= tenYears) return clamp(point - nowSeconds);
  }
  return clamp(unit === 'ms' ? number / 1000 : number);
}

function toNumber(value: unknown): number | null {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value !== 'string' || !/^\s*[+-]?\d{1,18}(?:\.\d{1,9})?\s*$/.test(value)) return null;
  return Number(value);
}

/** Only ISO 8601 with an offset: a local time says nothing. */
function fromDate(text: string, now: Date): number | null {
  if (!/^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?\s?(?:Z|[+-]\d\d:?\d\d)$/.test(text.trim()))
    return null;
  const time = Date.parse(text.trim());
  return Number.isNaN(time) ? null : clamp((time - now.getTime()) / 1000);
}

function clamp(seconds: number): number | null {
  const whole = Math.floor(seconds);
  return whole <= 0 ? null : Math.min(whole, tenYears);
}
