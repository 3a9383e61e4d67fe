// The processes of a chaos run, from outside: started, killed, stopped for a while, started again; and what they said.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import type { ChaosChildHouse, ChaosNews } from './chaos-child.ts';

/** What was done to one process; a pause has an end. */
export type Blow = {
  readonly kind: 'kill' | 'pause';
  readonly name: string;
  readonly fromMs: number;
  toMs: number;
};

export type Crew = {
  readonly blows: readonly Blow[];
  /** Who is there now. */
  readonly processes: () => readonly { readonly name: string; readonly pid: number | undefined }[];
  /** Processes that ended by themselves although they were up. */
  readonly fallen: readonly string[];
  /** Resolves when it is dead; the next one of its slot is on its way. */
  readonly kill: (slot: number) => Promise<void>;
  readonly pause: (slot: number) => void;
  readonly resume: (slot: number) => void;
  readonly isPaused: (slot: number) => boolean;
  readonly allUp: () => Promise<void>;
  /** Everybody drains and leaves. */
  readonly end: () => Promise<void>;
  readonly abandon: () => Promise<void>;
};

type Member = {
  readonly name: string;
  readonly child: ChildProcess;
  isUp: boolean;
  pause: Blow | null;
};

export async function startCrew(options: {
  readonly size: number;
  readonly house: Omit<ChaosChildHouse, 'name'>;
  readonly hear: (news: ChaosNews) => void;
}): Promise<Crew> {
  const { program, remove } = await compile();
  const blows: Blow[] = [];
  const fallen: string[] = [];
  let started = 0;
  let isOver = false;
  const launch = (slot: number): Member => {
    started += 1;
    const name = `p${slot}-${started}`;
    const member = launchMember(program, { ...options.house, name }, options.hear);
    // As a service manager would: a process that cannot start, since the database is away, is started again.
    member.child.once('exit', (_code, signal) => {
      if (isOver || signal === 'SIGKILL') return;
      if (member.isUp) fallen.push(name);
      members[slot] = launch(slot);
    });
    return member;
  };
  const members = Array.from({ length: options.size }, (_, slot) => launch(slot));
  const at = (slot: number): Member => {
    const member = members[slot];
    if (member === undefined) throw new Error(`there is no process ${slot}`);
    return member;
  };
  const allUp = async () => {
    while (!members.every(({ isUp }) => isUp)) await sleep(50);
  };
  await allUp();
  const leave = async (say: (child: ChildProcess) => void) => {
    isOver = true;
    for (const { child } of members) say(child);
    await Promise.all(members.map(gone));
    await remove();
  };

  return {
    blows,
    processes: () => members.map(({ name, child }) => ({ name, pid: child.pid })),
    fallen,
    allUp,
    isPaused: (slot) => at(slot).pause !== null,
    kill: async (slot) => {
      const member = at(slot);
      const now = Date.now();
      blows.push({ kind: 'kill', name: member.name, fromMs: now, toMs: now });
      member.child.kill('SIGKILL');
      await gone(member);
      // One that had ended by itself just then has its successor already.
      if (members[slot] === member) members[slot] = launch(slot);
    },
    pause: (slot) => {
      const member = at(slot);
      const blow: Blow = {
        kind: 'pause',
        name: member.name,
        fromMs: Date.now(),
        toMs: Number.POSITIVE_INFINITY,
      };
      member.pause = blow;
      blows.push(blow);
      member.child.kill('SIGSTOP');
    },
    resume: (slot) => {
      const member = at(slot);
      member.child.kill('SIGCONT');
      if (member.pause !== null) member.pause.toMs = Date.now();
      member.pause = null;
    },
    end: () => leave((child) => child.stdin?.write('end\n')),
    abandon: () => leave((child) => child.kill('SIGKILL')),
  };
}

async function gone({ child }: Member): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

function launchMember(program: string, house: ChaosChildHouse, hear: (news: ChaosNews) => void): Member {
  const child = spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', 'ignore'] });
  const member: Member = { name: house.name, child, isUp: false, pause: null };
  child.stdin.on('error', () => {});
  child.stdin.write(`${JSON.stringify(house)}\n`);
  createInterface({ input: child.stdout }).on('line', (line) => {
    const news = JSON.parse(line) as ChaosNews;
    if (news.up) member.isUp = true;
    hear(news);
  });
  return member;
}

/** One file, compiled once: starting twenty processes through a compiler would be the most of the work. */
async function compile(): Promise<{ readonly program: string; readonly remove: () => Promise<void> }> {
  // Within the project, where its packages are found.
  const root = join(import.meta.dirname, '..', '..');
  const folder = await mkdtemp(join(root, 'node_modules', '.chaos-'));
  const program = join(folder, 'chaos-child.mjs');
  await build({
    entryPoints: [join(import.meta.dirname, 'chaos-child.ts')],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    logLevel: 'warning',
  });
  return { program, remove: () => rm(folder, { recursive: true, force: true }) };
}
