// What this process may still ask of each provider: taken from the gauges in portions for a second, spent without asking
// anybody. Readers go first: while some wait, the background leaves them half of each portion.
import type { Clock } from '../kernel/clock.ts';
import type { TokenOutcome } from '../oauth/token-outcome.ts';
import type { Doors } from '../storage/doors.ts';
import {
  type GaugeReport,
  type GaugeRule,
  newGauge,
  nothingSeen,
  type ProviderGauge,
  report,
  take,
} from './provider-gauge.ts';
import { lockGauges, writeGauges } from './provider-gauge-store.ts';

export type ProviderAllowance = {
  /** Fetches a portion for each provider of which more is wanted than is left. */
  readonly fetch: (wanted: ReadonlyMap<string, number>) => Promise<void>;
  /** How many the background may send now. */
  readonly available: (providerKey: string) => number;
  readonly spend: (providerKey: string) => void;
  /** One request for a reader who waits. */
  readonly takeForReader: (providerKey: string) => Promise<boolean>;
  readonly began: (providerKey: string) => void;
  readonly ended: (providerKey: string, outcome: TokenOutcome) => void;
  /** So many were refused that an operator decides what it means. */
  readonly isIncident: (providerKey: string) => boolean;
  /** Tells the gauges what was seen; once a second, or it would cost more than the refreshes. */
  readonly tell: () => Promise<void>;
};

type Taken = ReturnType<typeof take>;

/** Where the gauges are moved; on a simulated clock they lie in memory. */
export type MoveGauges = (
  providerKeys: readonly string[],
  move: (gauge: ProviderGauge | null, providerKey: string, now: Date) => ProviderGauge,
) => Promise<void>;

/** At a time and process; the provider's own limits are in its rate. */
const maxUnderWay = 50;
/** A portion that is not spent by then is forgotten: the rate has gone on without us. */
const portionMs = 1_500;
const readersAreRecentMs = 5_000;

type Account = {
  left: number;
  fetchedAtMs: number;
  underWay: number;
  readerAtMs: number;
  isIncident: boolean;
  seen: GaugeReport;
};

export type ProviderAllowanceDeps = {
  readonly moveGauges: MoveGauges;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly rule: GaugeRule;
};

export function createProviderAllowance(deps: ProviderAllowanceDeps): ProviderAllowance {
  const { clock } = deps;
  const book = new AccountBook(deps);

  return {
    fetch: (wanted) => book.fetch(wanted),
    available: (providerKey) => {
      const account = book.of(providerKey);
      const left = book.leftOf(account);
      const isReaderRecent = clock.monotonicMs() - account.readerAtMs < readersAreRecentMs;
      return Math.max(
        Math.min(isReaderRecent ? Math.ceil(left / 2) : left, maxUnderWay - account.underWay),
        0,
      );
    },
    spend: (providerKey) => {
      book.of(providerKey).left -= 1;
    },
    takeForReader: async (providerKey) => {
      const account = book.of(providerKey);
      account.readerAtMs = clock.monotonicMs();
      if (book.leftOf(account) < 1) await book.fetch(new Map([[providerKey, 1]]));
      const now = book.of(providerKey);
      if (book.leftOf(now) < 1) return false;
      now.left -= 1;
      return true;
    },
    began: (providerKey) => {
      book.of(providerKey).underWay += 1;
    },
    ended: (providerKey, outcome) => {
      const account = book.of(providerKey);
      account.underWay -= 1;
      account.seen = add(account.seen, seenIn(outcome));
      // What was fetched before the provider said so is not spent on it.
      if (outcome.kind === 'throttled') account.left = 0;
    },
    isIncident: (providerKey) => book.of(providerKey).isIncident,
    tell: () => book.tell(),
  };
}

/** What is left of each portion, and what was seen since the gauge was told. */
class AccountBook {
  readonly #deps: ProviderAllowanceDeps;
  readonly #accounts = new Map<string, Account>();

  constructor(deps: ProviderAllowanceDeps) {
    this.#deps = deps;
  }

  of(providerKey: string): Account {
    const known = this.#accounts.get(providerKey);
    if (known !== undefined) return known;
    const made: Account = {
      left: 0,
      fetchedAtMs: 0,
      underWay: 0,
      readerAtMs: Number.NEGATIVE_INFINITY,
      isIncident: false,
      seen: nothingSeen,
    };
    this.#accounts.set(providerKey, made);
    return made;
  }

  leftOf(account: Account): number {
    return this.#deps.clock.monotonicMs() - account.fetchedAtMs > portionMs ? 0 : account.left;
  }

  async fetch(wanted: ReadonlyMap<string, number>): Promise<void> {
    const lacking = new Map([...wanted].filter(([key, count]) => this.leftOf(this.of(key)) < count));
    await this.#move([...lacking.keys()], lacking);
  }

  async tell(): Promise<void> {
    const telling = [...this.#accounts].filter(([, { seen }]) => seen !== nothingSeen);
    await this.#move(
      telling.map(([key]) => key),
      new Map(),
    );
    this.#forgetIdle();
  }

  async #move(keys: readonly string[], wanted: ReadonlyMap<string, number>): Promise<void> {
    if (keys.length === 0) return;
    const told = new Map(keys.map((key) => [key, this.of(key).seen]));
    for (const key of keys) this.of(key).seen = nothingSeen;
    // A move that the database repeats is made anew: only the last one counts.
    const taken = new Map<string, Taken>();
    try {
      await this.#deps.moveGauges(keys, (gauge, key, now) => {
        const { rule } = this.#deps;
        const reported = report(gauge ?? newGauge(now, rule), told.get(key) ?? nothingSeen, now, rule);
        const portion = Math.min(wanted.get(key) ?? 0, reported.ratePerSecond * rule.burstSeconds);
        const portionTaken = take(reported, portion, now, rule);
        taken.set(key, portionTaken);
        return portionTaken.gauge;
      });
    } catch (error) {
      for (const [key, seen] of told) this.of(key).seen = add(this.of(key).seen, seen);
      throw error;
    }
    for (const [key, { gauge, granted }] of taken) this.#enter(key, gauge, granted);
  }

  #enter(key: string, gauge: ProviderGauge, granted: number): void {
    const account = this.of(key);
    account.isIncident = gauge.incidentAt !== null;
    if (gauge.state === 'open') account.left = 0;
    if (granted === 0) return;
    account.left = this.leftOf(account) + granted;
    account.fetchedAtMs = this.#deps.clock.monotonicMs();
  }

  #forgetIdle(): void {
    for (const [key, account] of this.#accounts) {
      const isIdle = account.underWay === 0 && account.seen === nothingSeen && this.leftOf(account) === 0;
      if (isIdle && !account.isIncident) this.#accounts.delete(key);
    }
  }
}

/** What an outcome says about the provider itself: refusing a token or a client is an answer like any other. */
function seenIn(outcome: TokenOutcome): GaugeReport {
  switch (outcome.kind) {
    case 'transient':
    case 'unknown':
      return { ...nothingSeen, failed: 1 };
    case 'throttled':
      return { ...nothingSeen, throttledMs: outcome.retryAfterMs };
    case 'revoked':
      return { ...nothingSeen, succeeded: 1, revoked: 1 };
    case 'success':
    case 'client_rejected':
      return { ...nothingSeen, succeeded: 1 };
  }
}

function add(one: GaugeReport, other: GaugeReport): GaugeReport {
  const waits = [one.throttledMs, other.throttledMs].filter((ms) => ms !== null);
  return {
    succeeded: one.succeeded + other.succeeded,
    failed: one.failed + other.failed,
    revoked: one.revoked + other.revoked,
    throttledMs: waits.length === 0 ? null : Math.max(...waits),
  };
}

export function moveStoredGauges(doors: Pick<Doors, 'asScheduler'>): MoveGauges {
  return (providerKeys, move) =>
    doors.asScheduler(async (tx) => {
      const { now, gauges } = await lockGauges(tx, providerKeys);
      const moved = providerKeys.map((key) => [key, move(gauges.get(key) ?? null, key, now)] as const);
      await writeGauges(tx, new Map(moved));
    });
}
