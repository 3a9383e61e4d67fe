// What a process may remember of authority, and for how long. All shelves are stamped by one counter row that every
// revoking transaction raises. The row is probed each second; without a good probe within 3 s nothing is served from
// memory. So a revocation reaches every process within 3 s, and a fresh read takes no lock and writes nothing.
import type { Clock } from '../kernel/clock.ts';
import { errorFields, type Log } from '../kernel/log.ts';
import { createRecentlyUsed } from '../kernel/recently-used.ts';

const probeEveryMs = 1_000;
const trustForMs = 3_000;
const maxEntries = 50_000;

/** Apart, so that what is remembered costs no promise. */
export type Shelf<T extends object> = {
  /** What is remembered under the key; undefined when that is nothing, or nobody can say whether it still holds. */
  readonly known: (key: string) => T | undefined;
  /** Loads and remembers it. A load that fails is not remembered. */
  readonly load: (key: string, load: () => Promise<T>) => Promise<T>;
};

export class AuthorityMemory {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #readCounter: () => Promise<number | null>;
  readonly #caches: { clear: () => void }[] = [];
  readonly #listeners: (() => void)[] = [];
  #stamp: number | null = null;
  #epoch = 0;
  #probedAtMs = Number.NEGATIVE_INFINITY;
  #probing: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(deps: {
    readonly clock: Clock;
    readonly log: Log;
    readonly readCounter: () => Promise<number | null>;
  }) {
    this.#clock = deps.clock;
    this.#log = deps.log;
    this.#readCounter = deps.readCounter;
  }

  shelf<T extends object>(): Shelf<T> {
    const cache = createRecentlyUsed<string, T>(maxEntries);
    this.#caches.push(cache);
    return {
      known: (key) => (this.isTrusted() ? cache.get(key) : undefined),
      load: async (key, load) => {
        const startedIn = this.#epoch;
        const loaded = await load();
        // A flush while loading may have been about this very entry.
        if (startedIn === this.#epoch) cache.set(key, loaded);
        return loaded;
      },
    };
  }

  /** False while changes could be missed, because probing fails. */
  isTrusted(): boolean {
    return this.#clock.monotonicMs() - this.#probedAtMs <= trustForMs;
  }

  onFlush(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Looks at the counter now. Calls during a probe join it: a slow database must not be asked ever more often. */
  async probe(): Promise<void> {
    this.#probing ??= this.#probe().finally(() => {
      this.#probing = null;
    });
    await this.#probing;
  }

  async start(): Promise<void> {
    await this.probe();
    this.#timer = setInterval(() => void this.probe(), probeEveryMs);
    this.#timer.unref();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  async #probe(): Promise<void> {
    const startedAtMs = this.#clock.monotonicMs();
    try {
      const no = await this.#readCounter();
      // A counter that went back means another or a restored database: as good a reason to forget as one that rose.
      if (no !== this.#stamp) this.#flush();
      this.#stamp = no;
      this.#probedAtMs = startedAtMs;
    } catch (error) {
      this.#log.warn(
        'authority probe failed; nothing is served from memory until it succeeds',
        errorFields(error),
      );
    }
  }

  #flush(): void {
    this.#epoch += 1;
    for (const cache of this.#caches) cache.clear();
    for (const listener of this.#listeners) listener();
  }
}
