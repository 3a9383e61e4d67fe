// Prometheus metrics: counters told by refreshing as it goes, gauges read when somebody scrapes.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Clock } from '../../kernel/clock.ts';
import { errorFields, type Log } from '../../kernel/log.ts';
import { type Gauges, readGauges } from '../../refresh/gauges.ts';
import type { RefreshMeter } from '../../refresh/refresh-meter.ts';
import type { Doors } from '../../storage/doors.ts';

export type Metrics = {
  readonly meter: RefreshMeter;
  /** Everything, in Prometheus' text format. */
  readonly scrape: () => Promise<{ readonly type: string; readonly text: string }>;
};

export type MetricsDeps = {
  readonly doors: Doors;
  readonly clock: Clock;
  readonly log: Log;
  /** This process may not refresh. */
  readonly isLocked: () => boolean;
};

export function createMetrics(deps: MetricsDeps): Metrics {
  const registry = new Registry();
  const gauges = createGauges(registry);
  let isFurnished = false;
  let scraping: Promise<string> | null = null;

  async function collect(): Promise<string> {
    // Watching the event loop and the collector costs a little: only where somebody scrapes.
    if (!isFurnished) collectDefaultMetrics({ register: registry });
    isFurnished = true;
    gauges.locked.set(deps.isLocked() ? 1 : 0);
    try {
      gauges.show(await readGauges(deps));
      gauges.databaseUp.set(1);
    } catch (error) {
      // What this process counts is worth most when the database is away.
      deps.log.warn('metrics without the database', errorFields(error));
      gauges.forget();
      gauges.databaseUp.set(0);
    }
    return await registry.metrics();
  }

  return {
    meter: createMeter(registry),
    scrape: async () => {
      // Two that scrape at once ask the database once.
      scraping ??= collect().finally(() => {
        scraping = null;
      });
      return { type: registry.contentType, text: await scraping };
    },
  };
}

const providerOf = (key: string | null): string => key ?? 'other';

function createMeter(registry: Registry): RefreshMeter {
  const registers = [registry];
  const counter = <Label extends string>(name: string, help: string, labelNames: readonly Label[] = []) =>
    new Counter({ name: `latchkey_${name}`, help, labelNames, registers });
  const answered = new Histogram({
    name: 'latchkey_token_request_seconds',
    help: 'How long refreshing at the provider took, by what came of it.',
    labelNames: ['provider', 'outcome'],
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20],
    registers,
  });
  const refreshed = counter('refreshes_total', 'New tokens committed.', ['provider']);
  const failed = counter('refresh_failures_total', 'Attempts that failed, by kind.', ['provider', 'kind']);
  const lost = counter('grants_lost_total', 'Grants that need a person again, by reason.', ['reason']);
  const superseded = counter(
    'refresh_superseded_total',
    'Answers that came after a consent or a disconnect.',
  );
  const commitFailed = counter('commit_failures_total', 'Answers that the database did not take at once.');
  const tookOver = counter('attempts_taken_over_total', 'Attempts taken over from processes that were gone.');
  const waited = new Histogram({
    name: 'latchkey_reader_wait_seconds',
    help: 'How long readers waited for a refresh.',
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 9],
    registers,
  });
  for (const reason of Object.values(lostReasons)) lost.inc({ reason }, 0);
  return {
    answered: ({ provider, kind, ms }) =>
      answered.observe({ provider: providerOf(provider), outcome: kind }, ms / 1000),
    refreshed: (provider) => refreshed.inc({ provider: providerOf(provider) }),
    failed: ({ provider, kind, code, isOver }) => {
      failed.inc({ provider: providerOf(provider), kind });
      if (isOver) lost.inc({ reason: lostReasons[code] ?? 'revoked' });
    },
    superseded: () => superseded.inc(),
    commitFailed: () => commitFailed.inc(),
    waited: (ms) => waited.observe(ms / 1000),
    tookOver: (count) => tookOver.inc(count),
  };
}

/** The provider's own codes are unbounded; these are ours. */
const lostReasons: Readonly<Record<string, string>> = {
  lost_rotation: 'lost_rotation',
  no_refresh_token: 'no_refresh_token',
  invalid_grant: 'revoked',
};

function createGauges(registry: Registry) {
  const gauge = <Label extends string>(name: string, help: string, labelNames: readonly Label[] = []) =>
    new Gauge({ name: `latchkey_${name}`, help, labelNames, registers: [registry] });
  const due = gauge('refresh_due', 'Grants whose refresh is due and not begun, at most 100000.');
  const oldest = gauge(
    'refresh_due_oldest_seconds',
    'Since when the longest waiting refresh is due; 0 = none.',
  );
  const armed = gauge('refresh_armed_long', 'Attempts armed for more than a minute.');
  const expiry = gauge(
    'min_seconds_to_expiry',
    'Until the first token of a grant expires whose refresh fails or waits; absent = none is in danger.',
    ['provider'],
  );
  const clients = gauge('auth_clients_broken', 'OAuth apps that their provider refuses.');
  const paused = gauge(
    'providers_paused',
    'Provider and app pairs whose breaker is open, or that an incident holds.',
    ['provider'],
  );
  const grants = gauge('grants_unwell', 'Grants that fail or are over, by state, at most 100000.', ['state']);
  const ending = gauge('refresh_tokens_ending', 'Refresh tokens that end within that time.', ['within']);
  const unchained = gauge('audit_unchained', 'Audit events that wait for their place in the chain.');
  const processes = gauge('processes', 'Processes whose heart beats.');
  const skew = gauge('clock_skew_seconds', 'This process’s clock ahead of the database’s.');
  const all = [due, oldest, armed, expiry, clients, paused, grants, ending, unchained, processes, skew];
  return {
    locked: gauge('refresh_locked', '1 while this process may not refresh.'),
    databaseUp: gauge('database_up', '1 when the last scrape reached the database.'),
    /** What was true before is not said as if it still were. */
    forget: () => {
      for (const one of all) one.reset();
    },
    show: (now: Gauges) => {
      expiry.reset();
      paused.reset();
      due.set(now.due);
      oldest.set(now.oldestDueSeconds ?? 0);
      armed.set(now.armedLong);
      clients.set(now.brokenClients);
      grants.set({ state: 'degraded' }, now.degraded);
      grants.set({ state: 'needs_reauth' }, now.needsReauth);
      ending.set({ within: '7d' }, now.refreshTokensEndingIn7Days);
      ending.set({ within: '1d' }, now.refreshTokensEndingIn1Day);
      unchained.set(now.unchained);
      processes.set(now.processes);
      skew.set(now.clockSkewSeconds);
      for (const [provider, seconds] of now.minSecondsToExpiry) expiry.set({ provider }, seconds);
      for (const [provider, count] of now.pausedProviders) paused.set({ provider }, count);
    },
  };
}
