// Hands out host processes. A process serves one tenant, and by default one step: only a new process is sure to
// hold nothing of the step before it, since a component can keep secrets in globals, patched prototypes, timers
// and open sockets, and fresh module state would clear none of these. What makes this affordable is a spare: a
// started, empty process that has seen nobody's code, so that a step pays only for loading its bundle. With
// `maxStepsPerProcess` over 1 a process may go on with the same tenant and the same bundle, nothing else.
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Fault } from '../kernel/fault.ts';
import type { Log } from '../kernel/log.ts';
import { type Bundle, createBundleReader } from './bundle-file.ts';
import { writeChildScript } from './child-script.ts';
import type { ComponentDefinition } from './component-definition.ts';
import { deferred } from './deferred.ts';
import { type HostProcess, HostStartError, startHostProcess } from './host-process.ts';
import { type Confinement, type Isolation, planJail, planWithoutNamespaces } from './isolation.ts';
import type { Dial } from './relay.ts';
import { describeIn, type PerformOutcome, type PerformRequest, performIn } from './spectral-host.ts';
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
  readonly temporaryDirectory?: string;
};

export type HostPool = {
  /** What is in force here; finds out on first use. */
  readonly isolation: () => Promise<Isolation>;
  readonly describe: (bundlePath: string) => Promise<ComponentDefinition>;
  readonly perform: (request: PerformRequest) => Promise<PerformOutcome>;
  /** Kills what runs and refuses what comes. */
  readonly close: () => Promise<void>;
};

/** A process with what it has served; `owner` is null as long as it has seen nobody's code. */
type Seat = { readonly host: HostProcess; owner: string | null; steps: number };
type Idle = { readonly seat: Seat; readonly timer: NodeJS.Timeout };

export function createHostPool(options: HostPoolOptions): HostPool {
  const maxProcesses = options.maxProcesses ?? 4;
  const maxSteps = options.maxStepsPerProcess ?? 1;
  const maxIdleMs = options.maxIdleMs ?? 30_000;
  const readBundle = createBundleReader();
  const starter = createStarter(options);
  const live = new Set<HostProcess>();
  const idle: Idle[] = [];
  const waiting: { readonly resolve: () => void; readonly reject: (error: unknown) => void }[] = [];
  let spareToCome: Promise<Seat> | null = null;
  let busy = 0;
  let isClosed = false;

  function refuseWhenClosed(): void {
    if (isClosed) throw new Fault('unavailable', 'The server is stopping.', { retryAfterSeconds: 10 });
  }

  async function startSeat(): Promise<Seat> {
    const host = await starter.start((started) => {
      live.add(started);
      void started.whenGone.then(() => live.delete(started));
    });
    if (isClosed) host.kill();
    refuseWhenClosed();
    return { host, owner: null, steps: 0 };
  }

  function rest(seat: Seat): void {
    const timer = setTimeout(() => {
      takeIdle((one) => one === seat);
      seat.host.kill();
    }, maxIdleMs);
    timer.unref();
    idle.push({ seat, timer });
    void seat.host.whenGone.then(() => takeIdle((one) => one === seat));
  }

  function takeIdle(fits: (seat: Seat) => boolean): Seat | null {
    const index = idle.findIndex((one) => fits(one.seat));
    if (index === -1) return null;
    const [found] = idle.splice(index, 1);
    clearTimeout(found?.timer);
    return found?.seat ?? null;
  }

  /** Starts the next spare while a step is at work, so that the next step does not wait for it. */
  function refill(): void {
    if (isClosed || spareToCome !== null || idle.some((one) => one.seat.owner === null)) return;
    const coming = startSeat();
    spareToCome = coming;
    coming
      .then(
        (seat) => {
          if (spareToCome === coming) rest(seat);
        },
        (error: unknown) => {
          if (!isClosed) options.log.warn('no spare host process', { reason: String(error) });
        },
      )
      .finally(() => {
        if (spareToCome === coming) spareToCome = null;
      });
  }

  async function takeSeat(owner: string): Promise<Seat> {
    const atHand = takeIdle((one) => one.owner === owner) ?? takeIdle((one) => one.owner === null);
    if (atHand !== null) return atHand;
    const coming = spareToCome ?? startSeat();
    spareToCome = null;
    return coming;
  }

  async function enter(): Promise<void> {
    refuseWhenClosed();
    if (busy >= maxProcesses) {
      const turn = deferred<void>();
      waiting.push(turn);
      await turn.promise;
    } else {
      busy += 1;
    }
  }

  /** The place goes straight to the next in line, so that nobody overtakes. */
  function leave(): void {
    const next = waiting.shift();
    if (next === undefined) busy -= 1;
    else next.resolve();
  }

  async function withSeat<T>(owner: string, use: (seat: Seat) => Promise<T>): Promise<T> {
    await enter();
    try {
      refuseWhenClosed();
      const seat = await takeSeat(owner);
      refill();
      seat.steps += 1;
      try {
        return await use(seat);
      } finally {
        seat.owner = owner;
        if (seat.steps < maxSteps && live.has(seat.host) && !isClosed) rest(seat);
        else seat.host.kill();
      }
    } finally {
      leave();
    }
  }

  return {
    isolation: () => starter.isolation(),
    describe: async (bundlePath) => {
      const { source } = await readBundle(bundlePath);
      // A process of its own that is never used again: describing runs the bundle's code.
      return withSeat(`describe ${bundlePath}`, async (seat) => {
        seat.steps = maxSteps;
        return describeIn(seat.host, source);
      });
    },
    perform: async (request) => {
      const bundle: Bundle = await readBundle(request.bundlePath);
      return withSeat(`${request.tenant} ${bundle.digest}`, async (seat) => {
        const source = seat.owner === null ? bundle.source : null;
        const outcome = await performIn(seat.host, request, { source, dial: options.dial });
        // After a failure nobody knows what the component left behind.
        if (outcome.kind !== 'ok') seat.steps = maxSteps;
        return outcome;
      });
    },
    close: async () => {
      isClosed = true;
      for (const one of waiting.splice(0)) one.resolve();
      for (const one of idle.splice(0)) clearTimeout(one.timer);
      const all = [...live];
      for (const host of all) host.kill();
      await Promise.all(all.map((host) => host.whenGone));
      starter.close();
    },
  };
}

type Starter = {
  readonly isolation: () => Promise<Isolation>;
  readonly start: (onStarted: (host: HostProcess) => void) => Promise<HostProcess>;
  readonly close: () => void;
};

function createStarter(options: HostPoolOptions): Starter {
  const wanted = options.isolation ?? 'auto';
  let directory: string | null = null;
  let count = 0;
  let decided: Promise<Isolation> | null = null;

  /** Made on first use: a server that runs no component leaves no trace. */
  function prepare(): string {
    if (directory !== null) return directory;
    directory = mkdtempSync(join(realpathSync(options.temporaryDirectory ?? tmpdir()), 'lk-'));
    mkdirSync(join(directory, 'root'));
    writeChildScript(join(directory, 'host.cjs'));
    return directory;
  }

  async function startWith(
    makePlan: (confinement: Confinement) => ReturnType<typeof planJail>,
    onStarted: (host: HostProcess) => void,
  ): Promise<HostProcess> {
    const base = prepare();
    count += 1;
    const socketDirectory = join(base, String(count));
    const plan = makePlan({
      jailPath: join(base, 'root'),
      scriptPath: join(base, 'host.cjs'),
      socketDirectory,
      maxHeapMb: options.maxHeapMb ?? 256,
    });
    if (plan === null) {
      throw new HostStartError('A tool is missing: setpriv, unshare, sh, mount, chroot or env.', false);
    }
    const limits = options.limits ?? defaultWireLimits;
    const bootTimeoutMs = options.bootTimeoutMs ?? 15_000;
    const host = startHostProcess({ plan, socketDirectory, limits, bootTimeoutMs });
    onStarted(host);
    await host.whenReady;
    return host;
  }

  /** Tries the strong way once. Slowness is no reason to settle for less: it throws, and the next one tries. */
  async function decide(): Promise<Isolation> {
    if (wanted === 'none')
      return { kind: 'trusted-components-only', reason: 'Switched off by configuration.' };
    try {
      const probe = await startWith(planJail, () => {});
      probe.kill();
      await probe.whenGone;
      return { kind: 'namespaces', reason: null };
    } catch (error) {
      if (!(error instanceof HostStartError) || error.isTimeout) throw error;
      const reason = error.message.slice(0, 500);
      if (wanted === 'namespaces') {
        throw new Fault('unavailable', 'Components cannot be isolated on this machine.', {
          cure: 'Allow user and network namespaces, or run trusted components only.',
          detail: reason,
        });
      }
      options.log.warn('components run without namespaces: run trusted components only', { reason });
      return { kind: 'trusted-components-only', reason };
    }
  }

  async function isolation(): Promise<Isolation> {
    decided ??= decide().catch((error: unknown) => {
      decided = null;
      throw error;
    });
    return decided;
  }

  return {
    isolation,
    start: async (onStarted) => {
      const { kind } = await isolation();
      return startWith(kind === 'namespaces' ? planJail : planWithoutNamespaces, onStarted);
    },
    close: () => {
      if (directory !== null) rmSync(directory, { recursive: true, force: true });
      directory = null;
    },
  };
}
