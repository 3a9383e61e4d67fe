// Starts host processes in the best confinement that the machine allows, which it finds out by trying once.
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Fault } from '../kernel/fault.ts';
import type { Log } from '../kernel/log.ts';
import { writeChildScript } from './child-script.ts';
import { HostProcess, HostStartError } from './host-process.ts';
import { type Isolation, type LaunchPlan, planJail, planWithoutNamespaces } from './isolation.ts';
import type { WireLimits } from './wire.ts';

export type HostStarterOptions = {
  readonly log: Log;
  readonly isolation: 'auto' | 'namespaces' | 'none';
  readonly maxHeapMb: number;
  readonly bootTimeoutMs: number;
  readonly limits: WireLimits;
  readonly temporaryDirectory: string | null;
};

function stopping(): Fault {
  return new Fault('unavailable', 'The server is stopping.', { retryAfterSeconds: 10 });
}

export class HostStarter {
  readonly #options: HostStarterOptions;
  #isolation: Promise<Isolation> | null = null;
  #directory: string | null = null;
  #count = 0;
  #isClosed = false;

  constructor(options: HostStarterOptions) {
    this.#options = options;
  }

  /** Decided once. A machine that was merely slow is asked again the next time. */
  async isolation(): Promise<Isolation> {
    this.#isolation ??= this.#decide().catch((error: unknown) => {
      this.#isolation = null;
      throw error;
    });
    return this.#isolation;
  }

  /** The process may not be ready yet. */
  async start(): Promise<HostProcess> {
    const { kind } = await this.isolation();
    return this.#startConfined(kind);
  }

  /** Starts nothing more and removes its files: a start that waited until now would leave new ones behind. */
  close(): void {
    this.#isClosed = true;
    if (this.#directory !== null) rmSync(this.#directory, { recursive: true, force: true });
    this.#directory = null;
  }

  async #decide(): Promise<Isolation> {
    const { isolation: wanted, log } = this.#options;
    if (wanted === 'none') {
      return { kind: 'trusted-components-only', reason: 'Namespaces are switched off by configuration.' };
    }
    try {
      const probe = this.#startConfined('namespaces');
      await probe.whenReady;
      probe.kill();
      return { kind: 'namespaces', reason: null };
    } catch (error) {
      // Slowness is no reason to settle for less.
      if (!(error instanceof HostStartError) || error.isTimeout) throw error;
      const reason = error.message.slice(0, 500);
      if (wanted === 'namespaces') {
        throw new Fault('unavailable', 'Components cannot be isolated on this machine.', {
          cure: 'Allow user and network namespaces, or run trusted components only.',
          detail: reason,
        });
      }
      log.warn('components run without namespaces: run trusted components only', { reason });
      return { kind: 'trusted-components-only', reason };
    }
  }

  #startConfined(kind: Isolation['kind']): HostProcess {
    const { maxHeapMb, limits, bootTimeoutMs } = this.#options;
    if (this.#isClosed) throw stopping();
    this.#directory ??= this.#prepareDirectory();
    this.#count += 1;
    const socketDirectory = join(this.#directory, String(this.#count));
    const confinement = {
      jailPath: join(this.#directory, 'root'),
      scriptPath: join(this.#directory, 'host.cjs'),
      socketDirectory,
      maxHeapMb,
    };
    const plan: LaunchPlan | null =
      kind === 'namespaces' ? planJail(confinement) : planWithoutNamespaces(confinement);
    if (plan === null) {
      throw new HostStartError('A tool is missing: setpriv, unshare, sh, mount, chroot or env.', false);
    }
    return new HostProcess({ plan, socketDirectory, limits, bootTimeoutMs });
  }

  /** Made on first use: a server that runs no component leaves no trace. Short, for the sockets' sake. */
  #prepareDirectory(): string {
    const parent = realpathSync(this.#options.temporaryDirectory ?? tmpdir());
    const directory = mkdtempSync(join(parent, 'lk-'));
    mkdirSync(join(directory, 'root'));
    writeChildScript(join(directory, 'host.cjs'));
    return directory;
  }
}
