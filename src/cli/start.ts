// `latchkey start`: one process that serves, refreshes and works, with the embedded database as its child.
import { compose, type Running } from '../compose.ts';
import { readConfig } from '../config.ts';
import { systemClock } from '../kernel/clock.ts';
import { createLog, errorFields } from '../kernel/log.ts';
import { onStopSignals } from '../kernel/stop-signals.ts';
import { buildVersion } from './build-version.ts';
import { closeInherited } from './close-inherited.ts';
import { giveBackMemorySoon } from './give-back-memory.ts';
import { growHeapSlowly } from './grow-heap-slowly.ts';

const lingerMs = 1_000;

/** Resolves with the exit code when the server has ended. */
export async function start(env: NodeJS.ProcessEnv): Promise<number> {
  closeInherited();
  growHeapSlowly();
  const config = readConfig(env, process.cwd());
  const log = createLog({ level: config.logLevel });
  const stopping = new Promise<string>((resolve) => {
    // To leave at once is safe: what is armed is recovered at the next start.
    onStopSignals({ clock: systemClock, finish: resolve, leave: () => process.exit(1) });
  });
  const running = await compose(config, log, buildVersion());
  announce(running, config.dataDirectory);
  giveBackMemorySoon();
  const ending = await Promise.race([
    stopping.then((signal) => ({ code: 0, signal })),
    running.failed.catch((error: unknown) => {
      log.error('stopping', errorFields(error));
      return { code: 1, signal: null };
    }),
  ]);
  if (ending.signal !== null) console.log(`${ending.signal}: finishing what is under way ...`);
  await running.close();
  // What was not waited for may still hold the process.
  setTimeout(() => process.exit(ending.code), lingerMs).unref();
  return ending.code;
}

function announce(running: Running, dataDirectory: string): void {
  console.log(`Latchkey is ready at ${running.url}`);
  if (running.warning !== null) console.log(running.warning);
  if (running.isNew) {
    console.log(
      `Keep a copy of ${dataDirectory}/root.key in a safe place: without it nothing sealed can be opened.`,
    );
  }
  if (running.setupUrl !== null) console.log(`Set up the first owner: ${running.setupUrl}`);
}
