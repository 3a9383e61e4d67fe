// Latchkey as its users run it: a child process on a data directory of its own, known by what it prints and answers.
import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { StepFailure } from './step-failure.ts';

export type LatchkeyProcess = {
  readonly url: string;
  readonly setupUrl: string;
  readonly pid: number;
  /** Asks it to finish; resolves with its exit code. */
  readonly stop: () => Promise<number | null>;
};

/** Seconds are usual; this is for a machine that is busy with other things. */
const startsWithinMs = 60_000;
const endsWithinMs = 15_000;
/** Settings of the person's own shell that would make it another installation than the demo's. */
const foreign = /^(LATCHKEY_|SMTP_URL$|MAIL_FROM$|DATABASE_URL$|PUBLIC_URL$|TLS_|HOST$|PORT$|LOG_LEVEL$)/;

export async function startLatchkey(options: {
  readonly dataDirectory: string;
  readonly logFile: string;
  readonly egressAllow: readonly string[];
  /** Told before it is ready, so that it can be stopped whenever it may be. */
  readonly onSpawn: (stop: LatchkeyProcess['stop']) => void;
}): Promise<LatchkeyProcess> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
  const child = spawn(process.execPath, [programFile(), 'start'], {
    // A group of its own: Ctrl-C reaches us alone, and we tell it once, in order.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...env,
      PORT: '0',
      LATCHKEY_DATA: options.dataDirectory,
      LATCHKEY_EGRESS_ALLOW: options.egressAllow.join(','),
    },
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  // Whatever ends us: nothing is left behind.
  const killGroup = () => endGroup(child);
  process.once('exit', killGroup);
  void ended.then(() => process.removeListener('exit', killGroup));
  const stop = async () => {
    child.kill('SIGTERM');
    const timer = setTimeout(killGroup, endsWithinMs);
    const code = await ended;
    clearTimeout(timer);
    return code;
  };
  options.onSpawn(stop);
  const said = await readAnnouncement(child, ended, options.logFile);
  return { ...said, pid: child.pid ?? 0, stop };
}

function readAnnouncement(
  child: ChildProcess,
  ended: Promise<number | null>,
  logFile: string,
): Promise<{ readonly url: string; readonly setupUrl: string }> {
  return new Promise((resolve, reject) => {
    let said = '';
    const hear = (chunk: Buffer) => {
      appendFileSync(logFile, chunk, { mode: 0o600 });
      if (said.length > 100_000) return;
      said += String(chunk);
      const url = /^Latchkey is ready at (\S+)$/m.exec(said)?.[1];
      const setupUrl = /^Set up the first owner: (\S+)$/m.exec(said)?.[1];
      if (url !== undefined && setupUrl !== undefined) resolve({ url, setupUrl });
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    child.once('error', reject);
    const giveUp = (why: string) => reject(new StepFailure(`${why}. It said:\n${said.slice(-2_000)}`));
    setTimeout(() => giveUp(`Latchkey was not ready after ${startsWithinMs} ms`), startsWithinMs).unref();
    void ended.then((code) => giveUp(`Latchkey ended with exit code ${code}`));
  });
}

function endGroup(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch (error) {
    // It ended between the question and the signal.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

function programFile(): string {
  return join(packageRoot(), 'dist', 'bin', 'latchkey.js');
}

/** This file is one folder deeper once compiled. */
export function packageRoot(): string {
  for (const up of ['..', '../..']) {
    const folder = fileURLToPath(new URL(up, import.meta.url));
    if (existsSync(join(folder, 'package.json'))) return folder;
  }
  throw new StepFailure('package.json is not found: run the demo from a copy of the repository.');
}
