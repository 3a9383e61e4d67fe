// Child processes of the benchmark: servers that say when they are ready, and the load generator.
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { LoadAnswer, LoadOrder, LoadResult } from './wire.ts';

export type Server = {
  readonly pid: number;
  readonly port: number;
  /** From the command to the line that says it is ready. */
  readonly readyAfterMs: number;
  readonly stop: () => Promise<void>;
};

const readyWithinMs = 120_000;

/** Starts a script of this build with nothing of our environment but `PATH`, `HOME` and what is given. */
export function startServer(
  script: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Server> {
  const startedAt = performance.now();
  const child = spawn(process.execPath, [pathOf(script), ...args], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return new Promise((resolve, reject) => {
    let said = '';
    const fail = (reason: string): void => {
      child.kill('SIGKILL');
      reject(new Error(`${script} ${reason}: ${said.slice(-2_000)}`));
    };
    const late = setTimeout(() => fail('is not ready'), readyWithinMs);
    const ended = (): void => fail('ended');
    child.once('exit', ended);
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString('utf8');
    });
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString('utf8');
      const port = /ready at \S+:(\d+)/.exec(said)?.[1];
      if (port === undefined) return;
      const readyAfterMs = performance.now() - startedAt;
      clearTimeout(late);
      child.off('exit', ended);
      child.stdout.removeAllListeners('data').resume();
      resolve({ pid: child.pid ?? 0, port: Number(port), readyAfterMs, stop: () => stop(child) });
    });
  });
}

export type LoadGenerator = {
  readonly run: (order: LoadOrder) => Promise<LoadResult>;
  readonly stop: () => Promise<void>;
};

export function startLoadGenerator(): LoadGenerator {
  const child = fork(pathOf('bench/load.js'), [], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  return {
    run: (order) =>
      new Promise((resolve, reject) => {
        const ended = (): void => reject(new Error('the load generator ended'));
        child.once('exit', ended);
        child.once('message', (answer: LoadAnswer) => {
          child.off('exit', ended);
          if (answer.kind === 'done') resolve(answer.result);
          else reject(new Error(answer.reason));
        });
        child.send(order);
      }),
    stop: () => stop(child),
  };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  await ended;
}

/** Of a file of this build, named from its root. */
function pathOf(script: string): string {
  return fileURLToPath(new URL(`../${script}`, import.meta.url));
}
