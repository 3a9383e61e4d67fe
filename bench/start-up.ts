// How long a start on an existing directory takes, and what the server holds while nobody asks.
import { setTimeout as sleep } from 'node:timers/promises';
import { startServer } from './child.ts';
import { cpuSecondsOf, type Memory, memoryOf } from './process-tree.ts';
import { type Spread, spreadOf } from './spread.ts';

/** After this nothing of the start is going on any more. */
const settleMs = 10_000;
const watchMs = 5_000;

export type Starts = {
  readonly readyMs: Spread;
  /** Of the server process alone. */
  readonly cpuMs: Spread;
};

export type Idle = Memory & {
  /** Share of one core: the server's, and its children's. */
  readonly ownCpu: number;
  readonly childrenCpu: number;
};

export async function measureStarts(
  directory: string,
  count: number,
  say: (text: string) => void,
): Promise<Starts> {
  const ready: number[] = [];
  const cpu: number[] = [];
  for (let run = 0; run < count; run += 1) {
    say(`start ${run + 1} of ${count}`);
    const server = await startProduct(directory);
    ready.push(server.readyAfterMs);
    cpu.push(cpuSecondsOf(server.pid).own * 1000);
    await server.stop();
  }
  return { readyMs: spreadOf(ready), cpuMs: spreadOf(cpu) };
}

export async function measureIdle(directory: string, say: (text: string) => void): Promise<Idle> {
  say('idle memory');
  const server = await startProduct(directory);
  await sleep(settleMs);
  const before = cpuSecondsOf(server.pid);
  await sleep(watchMs);
  const after = cpuSecondsOf(server.pid);
  const memory = memoryOf(server.pid);
  await server.stop();
  return {
    ...memory,
    ownCpu: (after.own - before.own) / (watchMs / 1000),
    childrenCpu: (after.children - before.children) / (watchMs / 1000),
  };
}

function startProduct(directory: string) {
  return startServer('bin/latchkey.js', ['start'], {
    LATCHKEY_DATA: directory,
    PORT: '0',
    LOG_LEVEL: 'warn',
  });
}
