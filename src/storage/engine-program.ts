// Runs one of PostgreSQL's programs to its end, as the engine's user and with nothing of our own environment.
import { spawn } from 'node:child_process';
import { Fault } from '../kernel/fault.ts';
import type { EngineUser } from './engine-user.ts';

/** Keys and passwords in our environment are none of the server's business. */
export function engineEnvironment(user: EngineUser): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC', ...user.files.environment };
}

/** Resolves when the program ended well; else a `cannot_start` Fault with its last words. */
export function runProgram(
  user: EngineUser,
  program: string,
  args: readonly string[],
  input = '',
): Promise<void> {
  const [file, all] = user.command(program, args);
  return new Promise((resolve, reject) => {
    const child = spawn(file, all, {
      ...user.identity,
      cwd: '/',
      // Ctrl-C in the terminal must not end it half-way.
      detached: true,
      env: engineEnvironment(user),
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    let words = '';
    child.stderr.on('data', (chunk: Buffer) => {
      words = (words + chunk.toString('utf8')).slice(-4_000);
    });
    const refuse = (cause?: Error): void =>
      reject(
        new Fault('cannot_start', `The embedded PostgreSQL could not be prepared: ${lastWords(words)}.`, {
          cure: 'Mend that, or set DATABASE_URL.',
          cause,
        }),
      );
    child.on('error', refuse);
    child.on('close', (code) => (code === 0 ? resolve() : refuse()));
    child.stdin.on('error', () => {
      // It ended before it read everything; its exit code tells.
    });
    child.stdin.end(input);
  });
}

/** The line that says why, without time stamps. */
export function lastWords(text: string): string {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const telling = lines.filter((line) => /\b(FATAL|PANIC|ERROR)\b|error:/.test(line));
  return (telling.at(-1) ?? lines.at(-1) ?? 'no output')
    .replace(/^.*?\b(FATAL|PANIC|ERROR):\s*/, '')
    .slice(0, 300);
}
