// One host child as the parent sees it: started confined, asked one thing at a time, killed without ceremony.
// A child that breaks the protocol, floods us or dies is gone for good; there is no repair.
//
//   starting --ready--> free --run--> at work --reply--> free
//       `--- kill, timeout, death, breach: gone, from anywhere
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { deferred } from './deferred.ts';
import { type LaunchPlan, toolPath } from './isolation.ts';
import { type FromChild, fromChild, type LogLevel, type ToChild } from './messages.ts';
import { createLineReader, createOutputBudget, type OutputBudget } from './output-budget.ts';
import { createRelay, type Dial, type Relay } from './relay.ts';
import { createFrameReader, encodeFrame, type WireLimits } from './wire.ts';

export type HostLogEntry = { readonly level: LogLevel; readonly message: string };

export type HostExit = {
  /** memory: the heap limit; protocol: forged or oversized frames; flood: endless output; killed: by us. */
  readonly reason: 'exit' | 'signal' | 'memory' | 'protocol' | 'flood' | 'killed' | 'not-started';
  readonly exitCode: number | null;
  readonly signal: string | null;
};

export type HostReply = Extract<FromChild, { type: 'described' | 'not-described' | 'performed' }>;

export type HostTask = {
  readonly request: Extract<ToChild, { type: 'describe' | 'perform' }>;
  readonly onLog: (entry: HostLogEntry) => void;
  /** null: no network at all. */
  readonly network: { readonly tenant: string; readonly dial: Dial } | null;
};

export type HostProcessOptions = {
  readonly plan: LaunchPlan;
  /** Made here, and removed with the process. */
  readonly socketDirectory: string;
  readonly limits: WireLimits;
  readonly bootTimeoutMs: number;
};

export class HostStartError extends Error {
  override readonly name = 'HostStartError';
  readonly isTimeout: boolean;

  constructor(message: string, isTimeout: boolean) {
    super(message);
    this.isTimeout = isTimeout;
  }
}

/** What belongs to the task at hand and ends with it. */
type Work = {
  readonly onLog: (entry: HostLogEntry) => void;
  readonly budget: OutputBudget;
  readonly relay: Relay | null;
  readonly answer: (reply: HostReply) => void;
};

const stderrTailLength = 4096;
const noNetwork = { code: 'EACCES', message: 'There is no network here.' } as const;

export class HostProcess {
  readonly #options: HostProcessOptions;
  readonly #child: ChildProcess;
  readonly #ready = deferred<void>();
  readonly #gone = deferred<HostExit>();
  readonly #boot: NodeJS.Timeout;
  #work: Work | null = null;
  #endReason: HostExit['reason'] | null = null;
  #stderr = '';

  constructor(options: HostProcessOptions) {
    this.#options = options;
    // Passable but not listable: the child, whose uid may be another, opens sockets there by name.
    mkdirSync(options.socketDirectory);
    chmodSync(options.socketDirectory, 0o711);
    this.#child = spawn(options.plan.command, options.plan.args, {
      env: { PATH: toolPath },
      cwd: '/',
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      // Its own group: Ctrl-C in the terminal is for us, and we decide when steps end.
      detached: true,
    });
    this.#boot = setTimeout(() => {
      this.#ready.reject(new HostStartError(`It was not ready after ${options.bootTimeoutMs} ms.`, true));
      this.#stop('not-started');
    }, options.bootTimeoutMs);
    // Whoever waits gets the rejection; a spare that nobody waits for may fail in silence.
    this.#ready.promise.catch(() => {});
    this.#listen();
  }

  /** Resolves when the child can take a task; rejects with a `HostStartError`. */
  get whenReady(): Promise<void> {
    return this.#ready.promise;
  }

  get whenGone(): Promise<HostExit> {
    return this.#gone.promise;
  }

  readonly kill = (): void => this.#stop('killed');

  /** One task at a time. Throws `WireError` if the request is too large. */
  async run(task: HostTask): Promise<HostReply | HostExit> {
    await this.#ready.promise;
    const answered = deferred<HostReply>();
    const { onLog, network } = task;
    const budget = createOutputBudget(() =>
      onLog({ level: 'warn', message: 'The step wrote too much; the rest of its log is dropped.' }),
    );
    const relay = network === null ? null : this.#openRelay(network);
    this.#work = { onLog, budget, relay, answer: answered.resolve };
    try {
      this.#send(task.request);
      return await Promise.race([answered.promise, this.#gone.promise]);
    } finally {
      relay?.close();
      this.#work = null;
    }
  }

  #openRelay(network: { readonly tenant: string; readonly dial: Dial }): Relay {
    return createRelay({
      ...network,
      directory: this.#options.socketDirectory,
      directoryInChild: this.#options.plan.socketDirectoryInChild,
      reply: (reply) => this.#send(reply),
    });
  }

  #listen(): void {
    const pipe = this.#pipe;
    const readFrames = createFrameReader((frame, bytes) => this.#take(frame, bytes), this.#options.limits);
    pipe.on('data', (chunk: Buffer) => {
      if (this.#endReason !== null) return;
      try {
        readFrames(chunk);
      } catch {
        this.#stop('protocol');
      }
    });
    pipe.on('error', () => this.#stop('killed'));
    this.#readOutput(this.#child.stdout, 'info');
    this.#readOutput(this.#child.stderr, 'warn');
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString('utf8')).slice(-stderrTailLength);
    });
    this.#child.on('error', (error) => {
      this.#stderr ||= error.message;
      if (this.#child.pid === undefined) this.#finish(null, null);
    });
    // 'close' and not 'exit': the last words on the pipes are read first.
    this.#child.on('close', (exitCode, signal) => this.#finish(exitCode, signal));
  }

  #readOutput(stream: NodeJS.ReadableStream | null, level: LogLevel): void {
    const lines = createLineReader((line) => this.#log(level, line));
    stream?.on('data', (chunk: Buffer) => {
      if (this.#work?.budget.isFlooded(chunk.length)) this.#stop('flood');
      if (this.#endReason === null) lines.read(chunk);
    });
    stream?.on('end', lines.end);
  }

  #take(frame: unknown, bytes: number): void {
    const parsed = fromChild.safeParse(frame);
    // A result has its own limit, that of a frame.
    const isFlooded = parsed.data?.type !== 'performed' && this.#work?.budget.isFlooded(bytes);
    if (!parsed.success) this.#stop('protocol');
    else if (isFlooded) this.#stop('flood');
    else if (parsed.data.type === 'ready') this.#becomeReady();
    else if (this.#work !== null) this.#takeWord(parsed.data, this.#work);
    // A process at rest has nothing to say; one that goes on after its step is not to be used again.
    else if (parsed.data.type !== 'hang-up') this.#stop('protocol');
  }

  #becomeReady(): void {
    clearTimeout(this.#boot);
    this.#ready.resolve();
  }

  #takeWord(message: Exclude<FromChild, { type: 'ready' }>, { relay, answer }: Work): void {
    switch (message.type) {
      case 'log':
        this.#log(message.level, message.message);
        return;
      case 'dial':
        if (relay !== null) relay.open(message.id, message.host, message.port);
        else this.#send({ type: 'dial-failed', id: message.id, ...noNetwork });
        return;
      case 'hang-up':
        relay?.hangUp(message.id);
        return;
      default:
        answer(message);
    }
  }

  #log(level: LogLevel, message: string): void {
    const kept = this.#work?.budget.take(message) ?? '';
    if (kept !== '') this.#work?.onLog({ level, message: kept });
  }

  get #pipe(): Duplex {
    return this.#child.stdio[3] as Duplex;
  }

  #send(message: ToChild): void {
    const frame = encodeFrame(message, this.#options.limits);
    if (!this.#pipe.destroyed) this.#pipe.write(frame);
  }

  #stop(reason: HostExit['reason']): void {
    this.#endReason ??= reason;
    killGroup(this.#child);
  }

  #finish(exitCode: number | null, signal: string | null): void {
    clearTimeout(this.#boot);
    this.#work?.relay?.close();
    rmSync(this.#options.socketDirectory, { recursive: true, force: true });
    const lastWords = this.#stderr.trim() || `It ended with ${signal ?? exitCode}.`;
    this.#ready.reject(new HostStartError(lastWords, false));
    this.#gone.resolve({ reason: this.#endReason ?? deathReason(signal, this.#stderr), exitCode, signal });
  }
}

function deathReason(signal: string | null, stderr: string): HostExit['reason'] {
  // The last words of V8, of Node and of the C++ library; none has an exit code of its own for this.
  if (/heap out of memory|process out of memory|Allocation failed|node::Realloc|bad_alloc/.test(stderr))
    return 'memory';
  return signal === null ? 'exit' : 'signal';
}

/** The group holds the whole chain of starters; each link also dies with the one before it. */
function killGroup(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    child.kill('SIGKILL');
  }
}
