// The sailor, unmodified and in a process of its own, with our component: all that it knows it knows from its environment.
import { type ChildProcess, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('component', import.meta.url));
const require = createRequire(import.meta.url);
const programs = {
  messages: require.resolve('elasticio-sailor-nodejs/run.js'),
  service: require.resolve('elasticio-sailor-nodejs/runService.js'),
};

export type SailorProcess = {
  readonly child: ChildProcess;
  /** Everything printed so far, both streams. */
  readonly output: () => string;
  readonly exited: Promise<number | null>;
};

/** `settings` by their names without `ELASTICIO_`. */
export function startSailor(
  mode: keyof typeof programs,
  args: readonly string[],
  settings: Readonly<Record<string, string>>,
): SailorProcess {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(settings)) env[`ELASTICIO_${name}`] = value;
  const child = spawn(process.execPath, [programs[mode], ...args], {
    cwd: folder,
    env: { PATH: process.env.PATH, LOG_LEVEL: 'debug', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
    });
  }
  return {
    child,
    output: () => text,
    // `close` and not `exit`: by then all that it printed is here.
    exited: new Promise((done) => child.once('close', done)),
  };
}
