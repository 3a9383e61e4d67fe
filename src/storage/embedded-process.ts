// The running server of the embedded engine: its settings, its start, its end, and what becomes of it when we are killed.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { totalmem } from 'node:os';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from '../kernel/fault.ts';
import type { Log } from '../kernel/log.ts';
import { engineEnvironment, lastWords } from './engine-program.ts';
import type { EngineUser } from './engine-user.ts';
import { socketPort } from './socket-folder.ts';

export type ServerProcess = ChildProcessByStdio<null, null, Readable>;

function serverSettings(socket: string): Readonly<Record<string, string>> {
  return {
    listen_addresses: '',
    port: String(socketPort),
    unix_socket_directories: socket,
    unix_socket_permissions: '0700',
    fsync: 'on',
    synchronous_commit: 'on',
    full_page_writes: 'on',
    // Parameters and statements may carry what must not be on disk; they stay out of every log line.
    log_parameter_max_length: '0',
    log_parameter_max_length_on_error: '0',
    log_min_error_statement: 'panic',
    log_statement: 'none',
    // Ranks above ERROR: errors quote values, and whoever caused one is told anyway.
    log_min_messages: 'log',
    log_checkpoints: 'off',
    logging_collector: 'off',
    log_destination: 'stderr',
    lc_messages: 'C',
    timezone: 'UTC',
    max_connections: '100',
    shared_buffers: `${sharedBuffersMb()}MB`,
    max_parallel_workers_per_gather: '0',
    jit: 'off',
    // One process less per worker; a small store reads from memory anyway.
    io_method: 'sync',
    wal_level: 'minimal',
    max_wal_senders: '0',
    max_wal_size: '256MB',
    idle_in_transaction_session_timeout: '60s',
  };
}

/** An eighth of the memory that we may use, within bounds. Taken as it is needed: a small store keeps little at hand. */
function sharedBuffersMb(): number {
  const bytes = Math.min(process.constrainedMemory() || Number.POSITIVE_INFINITY, totalmem());
  return Math.min(Math.max(Math.floor(bytes / 8 / 2 ** 20), 64), 256);
}

/** Resolves when the server accepts connections; settings given here win over ours. */
export function launchServer(
  user: EngineUser,
  socket: string,
  overrides: Readonly<Record<string, string>>,
): Promise<ServerProcess> {
  const settings = Object.entries({ ...serverSettings(socket), ...overrides });
  const flags = settings.flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const [file, args] = user.command(user.files.postgres, ['-D', user.cluster, ...flags]);
  return new Promise((ready, refuse) => {
    const child: ServerProcess = spawn(file, args, {
      ...user.identity,
      cwd: '/',
      // A session of its own: Ctrl-C in the terminal must reach us first, so that work drains before the database goes.
      detached: true,
      env: engineEnvironment(user),
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let words = '';
    const fail = (cause?: Error): void =>
      refuse(
        new Fault('cannot_start', `The embedded PostgreSQL did not start: ${lastWords(words)}.`, {
          cure: 'Mend that, or set DATABASE_URL.',
          cause,
        }),
      );
    const listen = (chunk: Buffer): void => {
      words = (words + chunk.toString('utf8')).slice(-8_000);
      if (!words.includes('database system is ready to accept connections')) return;
      child.stderr.off('data', listen);
      child.off('error', fail).off('exit', exited);
      ready(child);
    };
    const exited = (): void => fail();
    child.stderr.on('data', listen);
    child.once('error', fail).once('exit', exited);
  });
}

/**
 * A smart shutdown first: our sessions have ended, and the last of them may still be on their way out. Then a fast one; if a
 * session hangs, an immediate one, from which the next start recovers.
 */
export async function shutDownServer(child: ServerProcess, ended: Promise<void>): Promise<void> {
  for (const [signal, waitMs] of [
    ['SIGTERM', 2_000],
    ['SIGINT', 20_000],
    ['SIGQUIT', 5_000],
    ['SIGKILL', 5_000],
  ] as const) {
    if (child.exitCode !== null || child.signalCode !== null) break;
    child.kill(signal);
    const patience = new AbortController();
    const late = sleep(waitMs, 'late', { signal: patience.signal }).catch(() => 'over');
    const outcome = await Promise.race([ended, late]);
    patience.abort();
    if (outcome !== 'late') break;
  }
  await ended;
}

/**
 * A shell that waits for our end of a pipe to close. The kernel closes it even on kill -9, and then the shell asks the
 * server for a fast shutdown. It makes sure first that the pid still is the server of these files.
 */
export function guardAgainstOurDeath(pid: number, cluster: string): () => void {
  const script =
    'read -r word; read -r now < "$2/postmaster.pid" && [ "$now" = "$1" ] && kill -INT "$1"; exit 0';
  const guard = spawn('/bin/sh', ['-c', script, 'latchkey-guard', String(pid), cluster], {
    cwd: '/',
    detached: true,
    env: {},
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  guard.on('error', () => {
    // Without a shell the next start still finds and stops an orphan.
  });
  guard.stdin.on('error', () => {});
  guard.unref();
  if ('unref' in guard.stdin && typeof guard.stdin.unref === 'function') guard.stdin.unref();
  return () => guard.stdin.end();
}

/** The server's own words, a line each, at the level they deserve. */
export function forwardLog(stream: Readable, log: Log): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = (lines.pop() ?? '').slice(-8_000);
    for (const line of lines) {
      const said = /\b(LOG|WARNING|ERROR|FATAL|PANIC):\s+(.*)$/.exec(line);
      if (said === null) continue;
      const write = said[1] === 'PANIC' || said[1] === 'FATAL' ? log.warn : log.debug;
      write('database', { severity: said[1], said: said[2] });
    }
  });
}
