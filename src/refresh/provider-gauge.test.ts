import { expect, test } from 'vitest';
import {
  acceptIncident,
  endIncident,
  newGauge,
  nothingSeen,
  type ProviderGauge,
  report,
  standardGauge as rule,
  take,
} from './provider-gauge.ts';

const start = new Date('2026-11-28T00:00:00Z');
const at = (ms: number) => new Date(start.getTime() + ms);
const fresh = () => newGauge(start, rule);
const seen = (what: Partial<typeof nothingSeen>) => ({ ...nothingSeen, ...what });
const failing = (gauge: ProviderGauge, now = start) => report(gauge, seen({ failed: 20 }), now, rule);

test('a burst is two seconds of the rate, and what was spent comes back with it', () => {
  const burst = take(fresh(), 1_000, start, rule);
  expect(burst.granted).toBe(40);
  expect(take(burst.gauge, 5, start, rule).granted).toBe(0);
  expect(take(burst.gauge, 1_000, at(500), rule).granted).toBe(10);
  expect(take(burst.gauge, 1_000, at(3_600_000), rule).granted).toBe(40);
});

test('over any time no more is granted than rate and burst allow, however it is asked for', () => {
  let gauge = fresh();
  let granted = 0;
  for (let ms = 0; ms <= 60_000; ms += 37) {
    const taken = take(gauge, (ms % 7) * 10, at(ms), rule);
    gauge = taken.gauge;
    granted += taken.granted;
  }
  expect(granted).toBeLessThanOrEqual(rule.ratePerSecond * 60 + rule.ratePerSecond * rule.burstSeconds);
  expect(granted).toBeGreaterThan(rule.ratePerSecond * 60 * 0.95);
});

test('half of twenty answers failed within half a minute: the provider is asked once each five seconds', () => {
  expect(report(fresh(), seen({ failed: 9, succeeded: 10 }), start, rule).state).toBe('closed');
  expect(report(fresh(), seen({ failed: 9, succeeded: 11 }), start, rule).state).toBe('closed');
  const open = report(fresh(), seen({ failed: 10, succeeded: 10 }), start, rule);
  expect(open.state).toBe('open');
  let gauge = open;
  let probes = 0;
  for (let ms = 0; ms <= 60_000; ms += 100) {
    const taken = take(gauge, 100, at(ms), rule);
    gauge = taken.gauge;
    probes += taken.granted;
  }
  expect(probes).toBe(12);
});

test('failures that lie further apart than the window are never added up', () => {
  let gauge = fresh();
  for (let minute = 0; minute < 100; minute += 1) {
    gauge = report(gauge, seen({ failed: 10 }), at(minute * 60_000), rule);
    expect(gauge.state).toBe('closed');
  }
});

test('five probes in a row close it, a failed one begins anew; then the rate comes back by and by', () => {
  let gauge = failing(fresh());
  gauge = report(gauge, seen({ succeeded: 4 }), at(20_000), rule);
  gauge = report(gauge, seen({ failed: 1 }), at(25_000), rule);
  gauge = report(gauge, seen({ succeeded: 4 }), at(45_000), rule);
  expect(gauge.state).toBe('open');
  gauge = report(gauge, seen({ succeeded: 1 }), at(50_000), rule);
  expect(gauge.state).toBe('closed');
  const perSecond: number[] = [];
  for (let quarter = 0; quarter < 6; quarter += 1) {
    let granted = 0;
    for (let second = 0; second < 15; second += 1) {
      const taken = take(gauge, 1_000, at(50_000 + quarter * 15_000 + second * 1_000), rule);
      gauge = taken.gauge;
      granted += taken.granted;
    }
    perSecond.push(Math.round(granted / 15));
  }
  expect(perSecond).toEqual([1, 2, 4, 8, 16, 20]);
});

test('a 429 stops everybody for as long as the provider says and halves the rate, once', () => {
  const slowed = report(fresh(), seen({ throttledMs: 7_000 }), start, rule);
  const again = report(slowed, seen({ throttledMs: 3_000 }), at(100), rule);
  expect(again.ratePerSecond).toBe(10);
  expect(take(again, 5, at(6_900), rule).granted).toBe(0);
  expect(take(again, 5, at(7_100), rule).granted).toBe(5);
  expect(report(again, seen({ throttledMs: 1_000 }), at(8_000), rule).ratePerSecond).toBe(5);
});

test('a rate that is used and not refused grows by one each ten seconds, to its limit', () => {
  let gauge = report(fresh(), seen({ throttledMs: 1_000 }), start, rule);
  for (let second = 1; second <= 100; second += 1) {
    gauge = report(gauge, seen({ succeeded: 1 }), at(second * 1_000), rule);
  }
  expect(gauge.ratePerSecond).toBe(20);
  const idle = report(gauge, nothingSeen, at(3_600_000), rule);
  expect(idle.ratePerSecond).toBe(20);
  for (let second = 101; second <= 20_000; second += 1) {
    gauge = report(gauge, seen({ succeeded: 1 }), at(second * 1_000), rule);
  }
  expect(gauge.ratePerSecond).toBe(rule.maxRatePerSecond);
});

test('more than a hundred refused grants within a minute stop the provider until an operator has decided', () => {
  const few = report(fresh(), seen({ succeeded: 100, revoked: 100 }), start, rule);
  expect(few.incidentAt).toBeNull();
  expect(report(few, seen({ revoked: 1 }), at(61_000), rule).incidentAt).toBeNull();
  const many = report(few, seen({ revoked: 1 }), at(59_000), rule);
  expect(many.incidentAt).toEqual(at(59_000));
  expect(take(many, 5, at(3_600_000), rule).granted).toBe(0);
  expect(take(endIncident(many, at(60_000)), 5, at(60_000), rule).granted).toBe(5);
  const accepted = acceptIncident(many, at(60_000));
  expect(report(accepted, seen({ revoked: 500 }), at(61_000), rule).incidentAt).toBeNull();
  expect(report(accepted, seen({ revoked: 500 }), at(90_000_000), rule).incidentAt).not.toBeNull();
});
