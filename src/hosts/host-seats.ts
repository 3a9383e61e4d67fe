// The processes at hand: a spare that has seen nobody's code, those that wait for more work of the one owner that
// they have served, and those at work.
import { Fault } from '../kernel/fault.ts';
import type { Log } from '../kernel/log.ts';
import type { HostProcess } from './host-process.ts';
import type { HostStarter } from './host-starter.ts';

/** A process with what it has served; `owner` is null as long as it has seen nobody's code. */
export type Seat = { readonly host: HostProcess; owner: string | null; steps: number };

export type HostSeatsOptions = {
  readonly starter: HostStarter;
  readonly log: Log;
  readonly maxIdleMs: number;
};

export class HostSeats {
  readonly #options: HostSeatsOptions;
  readonly #live = new Set<HostProcess>();
  readonly #resting = new Map<Seat, NodeJS.Timeout>();
  #spareToCome: Promise<Seat> | null = null;
  #isClosed = false;

  constructor(options: HostSeatsOptions) {
    this.#options = options;
  }

  /** A process that has served this owner, else one that has served nobody. */
  async take(owner: string): Promise<Seat> {
    const seat = this.#wake(owner) ?? this.#wake(null) ?? (await this.#takeComing());
    this.#orderSpare();
    return seat;
  }

  /** Keeps the process for more work of the same owner, or ends it. */
  giveBack(seat: Seat, mayServeAgain: boolean): void {
    if (mayServeAgain && !this.#isClosed && this.#live.has(seat.host)) this.#rest(seat);
    else seat.host.kill();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const timer of this.#resting.values()) clearTimeout(timer);
    this.#resting.clear();
    await this.#spareToCome?.catch(() => {});
    const live = [...this.#live];
    for (const host of live) host.kill();
    await Promise.all(live.map((host) => host.whenGone));
  }

  #takeComing(): Promise<Seat> {
    const coming = this.#spareToCome ?? this.#start();
    this.#spareToCome = null;
    return coming;
  }

  /** Starts the next spare while a step is at work, so that the next step does not wait for it. */
  #orderSpare(): void {
    const hasSpare = [...this.#resting.keys()].some((seat) => seat.owner === null);
    if (this.#isClosed || hasSpare || this.#spareToCome !== null) return;
    const coming = this.#start();
    this.#spareToCome = coming;
    coming.then(
      (seat) => {
        if (this.#spareToCome !== coming) return;
        this.#spareToCome = null;
        this.giveBack(seat, true);
      },
      (error: unknown) => {
        if (this.#spareToCome === coming) this.#spareToCome = null;
        if (!this.#isClosed) this.#options.log.warn('no spare host process', { reason: String(error) });
      },
    );
  }

  async #start(): Promise<Seat> {
    const host = await this.#options.starter.start();
    this.#live.add(host);
    void host.whenGone.then(() => this.#live.delete(host));
    if (this.#isClosed) {
      host.kill();
      throw new Fault('unavailable', 'The server is stopping.', { retryAfterSeconds: 10 });
    }
    await host.whenReady;
    return { host, owner: null, steps: 0 };
  }

  #rest(seat: Seat): void {
    const timer = setTimeout(() => {
      this.#resting.delete(seat);
      seat.host.kill();
    }, this.#options.maxIdleMs);
    timer.unref();
    this.#resting.set(seat, timer);
    void seat.host.whenGone.then(() => this.#remove(seat));
  }

  #wake(owner: string | null): Seat | null {
    const seat = [...this.#resting.keys()].find((one) => one.owner === owner) ?? null;
    if (seat !== null) this.#remove(seat);
    return seat;
  }

  #remove(seat: Seat): void {
    clearTimeout(this.#resting.get(seat));
    this.#resting.delete(seat);
  }
}
