// A server as its users run it: the compiled command line in a process of its own, on a data directory.
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const cli = fileURLToPath(new URL('../dist/bin/latchkey.js', import.meta.url));
const readyWithinMs = 60_000;

export type ServerProcess = {
  readonly child: ChildProcess;
  /** Everything printed so far, both streams. */
  readonly output: () => string;
  /** Resolves with the public URL, rejects when the process ends before. */
  readonly ready: Promise<string>;
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
};

/** Descriptors of ours, or a channel to us, that the server is started with: each under the number that it gets. */
type Inherited = Readonly<Record<number, number | 'ipc'>>;

export type ServerOptions = {
  readonly data: string;
  readonly env?: Readonly<Record<string, string>>;
  /** `npm start` instead of the command itself. */
  readonly throughNpm?: boolean;
  readonly port?: number;
  readonly inherited?: Inherited;
};

export function startServerProcess(options: ServerOptions): ServerProcess {
  const [command, args] = options.throughNpm
    ? ['npm', ['start', '--silent']]
    : [process.execPath, [cli, 'start']];
  if (!existsSync(cli)) throw new Error('dist is missing: node scripts/prepare.mjs makes it');
  const child = spawn(command as string, args as string[], {
    cwd: root,
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      LATCHKEY_DATA: options.data,
      PORT: String(options.port ?? 0),
      LOG_LEVEL: 'warn',
      ...options.env,
    },
    stdio: descriptors(options.inherited ?? {}),
  });
  let text = '';
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  const ready = new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`not ready in time:\n${text}`)), readyWithinMs);
    const read = (chunk: Buffer) => {
      text += chunk.toString('utf8');
      const url = /Latchkey is ready at (\S+)/.exec(text)?.[1];
      if (url === undefined) return;
      clearTimeout(timer);
      resolve(url);
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    void exited.then(({ code, signal }) => {
      clearTimeout(timer);
      reject(new Error(`ended with ${code ?? signal}:\n${text}`));
    });
  });
  ready.catch(() => {});
  return { child, output: () => text, ready, exited };
}

/** As `spawn` wants them: a list in which the numbers between are open on nothing. */
function descriptors(inherited: Inherited): StdioOptions {
  const list: (number | 'ipc' | 'ignore' | 'pipe')[] = ['ignore', 'pipe', 'pipe'];
  for (const [at, descriptor] of Object.entries(inherited)) list[Number(at)] = descriptor;
  return Array.from(list, (one) => one ?? 'ignore');
}

/** Processes whose command line mentions the text: what a stopped server must not leave behind. */
export function processesAbout(text: string, listing: string): readonly string[] {
  return listing.split('\n').filter((line) => line.includes(text));
}
