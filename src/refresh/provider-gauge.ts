// How much a provider may be asked, and whether it is asked at all: one gauge per token endpoint and app, kept in the
// database and moved by pure functions, so that every process sees the same one and a test can walk through years of it.
//
//   closed --half of 20 answers within 30 s failed--> open --5 s--> probing (one request each 5 s)
//     ^                                                ^               |            |
//     +-- ramp: 5 % of the rate, doubled each 15 s <---+--- failure ---+   5 successes
//
// The rate learns: a 429 halves it and waits as long as the provider says; ten clean seconds in use add one a second.
// A hundred refused refresh tokens within a minute are not a hundred people who went: somebody took the app's rights
// away, or we are mistaken. That is one incident for an operator; until he has decided, nobody is asked and nobody is told.

export type ProviderGauge = {
  readonly tokens: number;
  readonly ratePerSecond: number;
  readonly refilledAt: Date;
  readonly state: 'closed' | 'open';
  /** While open: when the next probe may go. */
  readonly probeAt: Date | null;
  /** Successful probes in a row. */
  readonly probesPassed: number;
  /** Since when the breaker is closed again; null when it has not been open for long. */
  readonly rampSince: Date | null;
  readonly throttledUntil: Date | null;
  readonly windowAt: Date;
  readonly windowAttempts: number;
  readonly windowFailures: number;
  /** Nothing was throttled since; the rate grows from here. */
  readonly cleanSince: Date;
  readonly revokedAt: Date;
  readonly revokedCount: number;
  readonly incidentAt: Date | null;
  /** An operator has said that the refusals are true: until then they are no incident. */
  readonly acceptedUntil: Date | null;
};

/** What a process has seen since it last spoke to the gauge. */
export type GaugeReport = {
  readonly succeeded: number;
  readonly failed: number;
  /** Refresh tokens that the provider refused, among the succeeded: it answered. */
  readonly revoked: number;
  readonly throttledMs: number | null;
};

export type GaugeRule = {
  readonly ratePerSecond: number;
  readonly maxRatePerSecond: number;
  readonly burstSeconds: number;
  readonly windowMs: number;
  readonly leastAttempts: number;
  readonly failureShare: number;
  readonly probeEveryMs: number;
  readonly probesToClose: number;
  readonly rampShare: number;
  readonly rampDoublesEveryMs: number;
  readonly growsEveryMs: number;
  readonly revokedWindowMs: number;
  readonly revokedIncident: number;
};

export const standardGauge: GaugeRule = {
  ratePerSecond: 20,
  maxRatePerSecond: 500,
  burstSeconds: 2,
  windowMs: 30_000,
  leastAttempts: 20,
  failureShare: 0.5,
  probeEveryMs: 5_000,
  probesToClose: 5,
  rampShare: 0.05,
  rampDoublesEveryMs: 15_000,
  growsEveryMs: 10_000,
  revokedWindowMs: 60_000,
  revokedIncident: 100,
};

const leastRate = 0.2;

export const nothingSeen: GaugeReport = { succeeded: 0, failed: 0, revoked: 0, throttledMs: null };

export function newGauge(now: Date, rule: GaugeRule): ProviderGauge {
  return {
    tokens: rule.ratePerSecond * rule.burstSeconds,
    ratePerSecond: rule.ratePerSecond,
    refilledAt: now,
    state: 'closed',
    probeAt: null,
    probesPassed: 0,
    rampSince: null,
    throttledUntil: null,
    windowAt: now,
    windowAttempts: 0,
    windowFailures: 0,
    cleanSince: now,
    revokedAt: now,
    revokedCount: 0,
    incidentAt: null,
    acceptedUntil: null,
  };
}

/** The gauge after a process has told what it saw. */
export function report(gauge: ProviderGauge, seen: GaugeReport, now: Date, rule: GaugeRule): ProviderGauge {
  const counted = countRevoked(count(refill(gauge, now, rule), seen, now, rule), seen, now, rule);
  const throttled = seen.throttledMs === null ? grow(counted, seen, now, rule) : slow(counted, seen, now);
  return throttled.state === 'open' ? probed(throttled, seen, now, rule) : judged(throttled, now, rule);
}

/** Up to `wanted` requests; none while the provider is throttled, and one at a time while its breaker is open. */
export function take(
  gauge: ProviderGauge,
  wanted: number,
  now: Date,
  rule: GaugeRule,
): { readonly gauge: ProviderGauge; readonly granted: number } {
  const refilled = refill(gauge, now, rule);
  const isThrottled = refilled.throttledUntil !== null && refilled.throttledUntil > now;
  if (wanted <= 0 || isThrottled || refilled.incidentAt !== null) {
    return { gauge: refilled, granted: 0 };
  }
  if (refilled.state === 'open') {
    if (refilled.probeAt !== null && refilled.probeAt > now) return { gauge: refilled, granted: 0 };
    return { gauge: { ...refilled, probeAt: later(now, rule.probeEveryMs) }, granted: 1 };
  }
  const granted = Math.min(Math.floor(refilled.tokens), Math.ceil(wanted));
  return { gauge: { ...refilled, tokens: refilled.tokens - granted }, granted };
}

/** What may be asked in a second now: the ramp after an outage holds it down. */
function rateOf(gauge: ProviderGauge, now: Date, rule: GaugeRule): number {
  if (gauge.rampSince === null) return gauge.ratePerSecond;
  const doublings = (now.getTime() - gauge.rampSince.getTime()) / rule.rampDoublesEveryMs;
  return gauge.ratePerSecond * Math.min(1, rule.rampShare * 2 ** Math.floor(doublings));
}

function refill(gauge: ProviderGauge, now: Date, rule: GaugeRule): ProviderGauge {
  const seconds = Math.max((now.getTime() - gauge.refilledAt.getTime()) / 1000, 0);
  const rate = rateOf(gauge, now, rule);
  const most = Math.max(rate * rule.burstSeconds, 1);
  const isRamped = gauge.rampSince !== null && rate >= gauge.ratePerSecond;
  return {
    ...gauge,
    tokens: Math.min(gauge.tokens + seconds * rate, most),
    refilledAt: now,
    rampSince: isRamped ? null : gauge.rampSince,
  };
}

function count(gauge: ProviderGauge, seen: GaugeReport, now: Date, rule: GaugeRule): ProviderGauge {
  const isOver = now.getTime() - gauge.windowAt.getTime() > rule.windowMs;
  const before = isOver ? { windowAt: now, windowAttempts: 0, windowFailures: 0 } : gauge;
  return {
    ...gauge,
    windowAt: before.windowAt,
    windowAttempts: before.windowAttempts + seen.succeeded + seen.failed,
    windowFailures: before.windowFailures + seen.failed,
  };
}

function countRevoked(gauge: ProviderGauge, seen: GaugeReport, now: Date, rule: GaugeRule): ProviderGauge {
  if (seen.revoked === 0 || (gauge.acceptedUntil !== null && gauge.acceptedUntil > now)) return gauge;
  const isOver = now.getTime() - gauge.revokedAt.getTime() > rule.revokedWindowMs;
  const revokedCount = (isOver ? 0 : gauge.revokedCount) + seen.revoked;
  return {
    ...gauge,
    revokedAt: isOver ? now : gauge.revokedAt,
    revokedCount,
    incidentAt: gauge.incidentAt ?? (revokedCount > rule.revokedIncident ? now : null),
  };
}

/** The refusals are true: grants may be told so for the next day. */
export function acceptIncident(gauge: ProviderGauge, now: Date): ProviderGauge {
  return { ...endIncident(gauge, now), acceptedUntil: later(now, 86_400_000) };
}

/** The provider has been talked to: it is asked again. */
export function endIncident(gauge: ProviderGauge, now: Date): ProviderGauge {
  return { ...gauge, incidentAt: null, revokedAt: now, revokedCount: 0 };
}

function grow(gauge: ProviderGauge, seen: GaugeReport, now: Date, rule: GaugeRule): ProviderGauge {
  // A rate that nobody uses teaches nothing.
  if (seen.succeeded === 0 || gauge.state === 'open' || gauge.rampSince !== null) return gauge;
  const steps = Math.floor((now.getTime() - gauge.cleanSince.getTime()) / rule.growsEveryMs);
  if (steps < 1) return gauge;
  return {
    ...gauge,
    ratePerSecond: Math.min(gauge.ratePerSecond + 1, Math.max(rule.maxRatePerSecond, rule.ratePerSecond)),
    cleanSince: now,
  };
}

function slow(gauge: ProviderGauge, seen: GaugeReport, now: Date): ProviderGauge {
  const until = later(now, seen.throttledMs ?? 0);
  const wasThrottled = gauge.throttledUntil !== null && gauge.throttledUntil > now;
  return {
    ...gauge,
    tokens: 0,
    // Those that were under way when it was said are one refusal, not many.
    ratePerSecond: wasThrottled ? gauge.ratePerSecond : Math.max(gauge.ratePerSecond / 2, leastRate),
    throttledUntil: wasThrottled && gauge.throttledUntil > until ? gauge.throttledUntil : until,
    cleanSince: now,
  };
}

function judged(gauge: ProviderGauge, now: Date, rule: GaugeRule): ProviderGauge {
  const { windowAttempts: attempts, windowFailures: failures } = gauge;
  if (attempts < rule.leastAttempts || failures < attempts * rule.failureShare) return gauge;
  return {
    ...gauge,
    state: 'open',
    probeAt: later(now, rule.probeEveryMs),
    probesPassed: 0,
    rampSince: null,
  };
}

function probed(gauge: ProviderGauge, seen: GaugeReport, now: Date, rule: GaugeRule): ProviderGauge {
  if (seen.failed > 0) return { ...gauge, probesPassed: 0 };
  const passed = gauge.probesPassed + seen.succeeded;
  if (passed < rule.probesToClose) return { ...gauge, probesPassed: passed };
  return {
    ...gauge,
    state: 'closed',
    probeAt: null,
    probesPassed: 0,
    rampSince: now,
    tokens: 1,
    windowAt: now,
    windowAttempts: 0,
    windowFailures: 0,
  };
}

function later(now: Date, ms: number): Date {
  return new Date(now.getTime() + ms);
}
