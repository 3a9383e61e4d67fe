// Hands out host processes. A process serves one tenant, and by default one step: only a new process is sure to
// hold nothing of the step before it, since a component can keep secrets in globals, patched prototypes, timers
// and open sockets, and fresh module state would clear none of these. What makes this affordable is a spare: a
// started, empty process that has seen nobody's code, so that a step pays only for loading its bundle. With
// `maxStepsPerProcess` over 1 a process may go on with the same tenant and the same bundle, nothing else.
import { Fault } from '../kernel/fault.ts';
import type { Log } from '../kernel/log.ts';
import { createBundleReader } from './bundle-file.ts';
import type { ComponentDefinition } from './component-definition.ts';
import { HostSeats, type Seat } from './host-seats.ts';
import { HostStarter } from './host-starter.ts';
import type { Isolation } from './isolation.ts';
import type { Dial } from './relay.ts';
import { describeIn, type PerformOutcome, type PerformRequest, performIn } from './spectral-host.ts';
import { WaitingLine } from './waiting-line.ts';
import { defaultWireLimits, type WireLimits } from './wire.ts';

export type HostPoolOptions = {
  readonly log: Log;
  /** The one door of components to the network; the rules about addresses are its caller's. */
  readonly dial: Dial;
  /** auto: the best that the machine allows. namespaces: that or nothing. none: as on a machine without. */
  readonly isolation?: 'auto' | 'namespaces' | 'none';
  /** Steps that run at once; more wait in line. */
  readonly maxProcesses?: number;
  readonly maxStepsPerProcess?: number;
  /** After this long without work, spare and reusable processes are ended. */
  readonly maxIdleMs?: number;
  readonly maxHeapMb?: number;
  readonly bootTimeoutMs?: number;
  readonly limits?: WireLimits;
  /** Short: paths of unix sockets end at 107 bytes. */
  readonly temporaryDirectory?: string;
};

export type HostPool = {
  /** What is in force here; finds out on first use. */
  readonly isolation: () => Promise<Isolation>;
  /** What a bundle says about itself. Runs its code, without network. */
  readonly describe: (bundlePath: string) => Promise<ComponentDefinition>;
  readonly perform: (request: PerformRequest) => Promise<PerformOutcome>;
  /** Kills what runs and refuses what comes. */
  readonly close: () => Promise<void>;
};

export function createHostPool(options: HostPoolOptions): HostPool {
  const { log, maxStepsPerProcess = 1 } = options;
  const readBundle = createBundleReader();
  const starter = new HostStarter({
    log,
    isolation: options.isolation ?? 'auto',
    maxHeapMb: options.maxHeapMb ?? 256,
    bootTimeoutMs: options.bootTimeoutMs ?? 15_000,
    limits: options.limits ?? defaultWireLimits,
    temporaryDirectory: options.temporaryDirectory ?? null,
  });
  const seats = new HostSeats({ starter, log, maxIdleMs: options.maxIdleMs ?? 30_000 });
  const line = new WaitingLine(options.maxProcesses ?? 4);
  let isClosed = false;

  async function withSeat<T>(
    owner: string,
    use: (seat: Seat) => Promise<{ readonly value: T; readonly mayServeAgain: boolean }>,
  ): Promise<T> {
    await line.enter();
    try {
      if (isClosed) throw new Fault('unavailable', 'The server is stopping.', { retryAfterSeconds: 10 });
      const seat = await seats.take(owner);
      seat.steps += 1;
      let isFitForMore = false;
      try {
        const { value, mayServeAgain } = await use(seat);
        isFitForMore = mayServeAgain && seat.steps < maxStepsPerProcess;
        return value;
      } finally {
        seat.owner = owner;
        seats.giveBack(seat, isFitForMore);
      }
    } finally {
      line.leave();
    }
  }

  return {
    isolation: () => starter.isolation(),
    describe: async (bundlePath) => {
      const { source } = await readBundle(bundlePath);
      return withSeat('describe', async (seat) => ({
        value: await describeIn(seat.host, source),
        mayServeAgain: false,
      }));
    },
    perform: async (request) => {
      const bundle = await readBundle(request.bundlePath);
      return withSeat(`${request.tenant} ${bundle.digest}`, async (seat) => {
        const source = seat.owner === null ? bundle.source : null;
        const value = await performIn(seat.host, request, { source, dial: options.dial });
        // After a failure nobody knows what the component left behind.
        return { value, mayServeAgain: value.kind === 'ok' };
      });
    },
    close: async () => {
      isClosed = true;
      await seats.close();
      starter.close();
    },
  };
}
