// One host child as the parent sees it: started confined, asked one thing at a time, killed without ceremony.
// A child that breaks the protocol, floods us or dies is gone for good; there is no repair.
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
  /** The end of what it wrote to stderr. */
  readonly stderr: string;
};

export type HostReply = Extract<FromChild, { type: 'described' | 'not-described' | 'performed' }>;

export type HostTask = {
  readonly request: Extract<ToChild, { type: 'describe' | 'perform' }>;
  readonly onLog: (entry: HostLogEntry) => void;
  /** null: no network at all. */
  readonly network: { readonly tenant: string; readonly dial: Dial } | null;
};

export type HostProcess = {
  /** Resolves when the child can take a task; rejects with a `HostStartError`. */
  readonly whenReady: Promise<void>;
  readonly whenGone: Promise<HostExit>;
  /** Throws `WireError` if the request is too large. One task at a time. */
  readonly run: (task: HostTask) => Promise<HostReply | HostExit>;
  readonly kill: () => void;
};

export class HostStartError extends Error {
  override readonly name = 'HostStartError';
  readonly isTimeout: boolean;

  constructor(message: string, isTimeout: boolean) {
    super(message);
    this.isTimeout = isTimeout;
  }
}

type Current = {
  readonly task: HostTask;
  readonly budget: OutputBudget;
  readonly relay: Relay | null;
  readonly answer: (reply: HostReply) => void;
};

const stderrTailLength = 4096;
const keptExitReasons = new Set<HostExit['reason']>(['protocol', 'flood', 'killed']);

export function startHostProcess(options: {
  readonly plan: LaunchPlan;
  readonly socketDirectory: string;
  readonly limits: WireLimits;
  readonly bootTimeoutMs: number;
}): HostProcess {
  // Passable but not listable: the child, whose uid may be another, opens sockets there by name.
  mkdirSync(options.socketDirectory);
  chmodSync(options.socketDirectory, 0o711);
  const child = spawn(options.plan.command, options.plan.args, {
    env: { PATH: toolPath },
    cwd: '/',
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    // Its own group: Ctrl-C in the terminal is for us, and we decide when steps end.
    detached: true,
  });
  let current: Current | null = null;
  let reason: HostExit['reason'] | null = null;
  let stderr = '';
  const ready = deferred<void>();
  const gone = deferred<HostExit>();
  ready.promise.catch(() => {});

  function stop(why: HostExit['reason']): void {
    reason ??= why;
    killGroup(child);
  }

  function finish(exitCode: number | null, signal: string | null): void {
    clearTimeout(boot);
    const exit = { reason: exitReason(reason, signal, stderr), exitCode, signal, stderr };
    current?.relay?.close();
    current = null;
    rmSync(options.socketDirectory, { recursive: true, force: true });
    ready.reject(new HostStartError(stderr.trim() || `It ended with ${exitCode ?? signal}.`, false));
    gone.resolve(exit);
  }

  function take(message: FromChild): void {
    switch (message.type) {
      case 'ready':
        clearTimeout(boot);
        ready.resolve();
        return;
      case 'log':
        keepLog(current, message.level, message.message);
        return;
      case 'dial':
        if (current?.relay) current.relay.open(message.id, message.host, message.port);
        else send({ type: 'dial-failed', id: message.id, code: 'EACCES', message: 'No network here.' });
        return;
      case 'hang-up':
        current?.relay?.hangUp(message.id);
        return;
      default:
        current?.answer(message);
    }
  }

  const pipe = child.stdio[3] as Duplex;
  function send(message: ToChild): void {
    if (!pipe.destroyed) pipe.write(encodeFrame(message, options.limits));
  }

  const readFrames = createFrameReader((frame, bytes) => {
    const message = fromChild.safeParse(frame);
    if (!message.success) stop('protocol');
    else if (current?.budget.isFlooded(message.data.type === 'performed' ? 0 : bytes)) stop('flood');
    else take(message.data);
  }, options.limits);
  pipe.on('data', (chunk: Buffer) => {
    if (reason !== null) return;
    try {
      readFrames(chunk);
    } catch {
      stop('protocol');
    }
  });
  pipe.on('error', () => stop('killed'));

  for (const [stream, level] of [
    [child.stdout, 'info'],
    [child.stderr, 'warn'],
  ] as const) {
    const lines = createLineReader((line) => keepLog(current, level, line));
    stream?.on('data', (chunk: Buffer) => {
      if (level === 'warn') stderr = (stderr + chunk.toString('utf8')).slice(-stderrTailLength);
      if (current?.budget.isFlooded(chunk.length)) stop('flood');
      if (reason === null) lines.read(chunk);
    });
    stream?.on('end', lines.end);
  }

  const boot = setTimeout(() => {
    ready.reject(new HostStartError(`It was not ready after ${options.bootTimeoutMs} ms.`, true));
    stop('not-started');
  }, options.bootTimeoutMs);
  child.on('error', (error) => {
    stderr ||= error.message;
    if (child.pid === undefined) finish(null, null);
  });
  // 'close' and not 'exit': the last words on the pipes are read first.
  child.on('close', finish);

  async function run(task: HostTask): Promise<HostReply | HostExit> {
    await ready.promise;
    const answered = deferred<HostReply>();
    const budget = createOutputBudget(() =>
      task.onLog({ level: 'warn', message: 'The step wrote too much; the rest of its log is dropped.' }),
    );
    const relay =
      task.network &&
      createRelay({
        ...task.network,
        directory: options.socketDirectory,
        directoryInChild: options.plan.socketDirectoryInChild,
        reply: send,
      });
    current = { task, budget, relay, answer: answered.resolve };
    send(task.request);
    const outcome = await Promise.race([answered.promise, gone.promise]);
    relay?.close();
    current = null;
    return outcome;
  }

  return { whenReady: ready.promise, whenGone: gone.promise, run, kill: () => stop('killed') };
}

function keepLog(current: Current | null, level: LogLevel, message: string): void {
  if (current === null) return;
  const kept = current.budget.take(message);
  if (kept !== '' || message === '') current.task.onLog({ level, message: kept });
}

function exitReason(
  reason: HostExit['reason'] | null,
  signal: string | null,
  stderr: string,
): HostExit['reason'] {
  if (reason !== null && keptExitReasons.has(reason)) return reason;
  // V8's own last words; it has no exit code of its own for this.
  if (/heap out of memory|process out of memory|Allocation failed/.test(stderr)) return 'memory';
  return reason ?? (signal === null ? 'exit' : 'signal');
}

/** The group holds the starter chain; killing it takes the child along by its parent-death signal. */
function killGroup(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    child.kill('SIGKILL');
  }
}
