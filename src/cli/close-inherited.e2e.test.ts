import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ServerProcess, startServerProcess } from '../../testing/running-server.ts';
import { testWhere } from '../../testing/where.ts';

let folder: string;
let server: ServerProcess | null = null;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-inherited-'));
});
afterEach(async () => {
  server?.child.kill('SIGTERM');
  await server?.exited;
  server = null;
  await rm(folder, { recursive: true, force: true });
});

const hasProc = process.platform === 'linux';

/** The process and all that it started, and they in turn. */
function familyOf(pid: number): readonly number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  );
  return [pid, ...children.flatMap(familyOf)];
}

const openIn = (pid: number): readonly string[] =>
  readdirSync(`/proc/${pid}/fd`).flatMap((number) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${number}`)];
    } catch {
      return []; // closed meanwhile
    }
  });

const commandOf = (pid: number): string => readFileSync(`/proc/${pid}/cmdline`, 'utf8');

testWhere(hasProc, 'needs /proc')(
  'a file that the caller had open is open neither in the server nor in its database',
  async () => {
    const file = join(folder, 'of-the-caller');
    writeFileSync(file, 'secret');
    const descriptor = openSync(file, 'r+');
    try {
      // Far above what Node marks by itself, with gaps between.
      server = startServerProcess({
        data: join(folder, 'data'),
        inherited: { 40: descriptor, 97: descriptor },
      });
    } finally {
      closeSync(descriptor);
    }
    await server.ready;
    const family = familyOf(server.child.pid ?? 0);
    if (process.env.DATABASE_URL === undefined) expect(family.map(commandOf).join()).toContain('postgres');
    for (const pid of family) expect(openIn(pid), commandOf(pid)).not.toContain(file);
  },
);

test('the channel to a process manager that started the server stays open', async () => {
  server = startServerProcess({ data: join(folder, 'data'), inherited: { 40: 'ipc' } });
  await server.ready;
  expect(server.child.connected).toBe(true);
});
