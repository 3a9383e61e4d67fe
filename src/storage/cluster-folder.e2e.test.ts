// Folders in the place of the database files that a start did not make: they are refused, and nothing of them is lost.
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readdirSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { testWhere } from '../../testing/where.ts';
import { isFault } from '../kernel/fault.ts';
import { silentLog } from '../kernel/log.ts';
import { openEmbedded } from './database.ts';
import type { EngineUserStrategy } from './engine-user.ts';

const isRoot = process.getuid?.() === 0;
let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'latchkey-folder-'));
});
afterAll(() => rm(home, { recursive: true, force: true }));

const open = (directory: string, strategies?: readonly EngineUserStrategy[]) =>
  openEmbedded({ directory, log: silentLog, ...(strategies === undefined ? {} : { strategies }) });

async function refusal(directory: string, strategies?: readonly EngineUserStrategy[]): Promise<string> {
  try {
    await (await open(directory, strategies)).close();
  } catch (error) {
    if (isFault(error, 'cannot_start')) return error.public;
    throw error;
  }
  return 'started';
}

const everything = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => {
      const { uid, mode, mtimeMs } = lstatSync(join(folder, name));
      return `${name} ${uid} ${mode} ${mtimeMs}`;
    })
    .sort();

const cure =
  'Restore the database there completely, or move this away or choose another LATCHKEY_DATA to begin with an empty one.';

test('a folder of somebody else, and a restore that broke off, are refused with the way out and stay as they are', async () => {
  const data = join(home, 'theirs');
  const place = join(data, 'postgres');
  await mkdir(join(place, 'base', '1'), { recursive: true });
  for (const name of ['compose.yaml', 'notes.txt', 'postmaster.pid']) await writeFile(join(place, name), '1');
  const before = everything(data);
  expect(await refusal(data)).toBe(
    `${place} holds base, compose.yaml, notes.txt and 1 more but no PG_VERSION, so it is no database that can be started. ${cure}`,
  );
  expect(everything(data)).toEqual(before);
});

test('a file and a link that leads nowhere in the place of the database are refused and stay', async () => {
  const file = join(home, 'file');
  await mkdir(file);
  await writeFile(join(file, 'postgres'), 'kept');
  expect(await refusal(file)).toContain('is no folder');
  const link = join(home, 'link');
  await mkdir(link);
  await symlink('/nowhere/postgres', join(link, 'postgres'));
  expect(await refusal(link)).toContain('is a link that leads nowhere');
  expect([file, link].map((data) => readdirSync(data))).toEqual([['postgres'], ['postgres']]);
});

test('a database that lost its version file is kept, and starts when that is back', async () => {
  const data = join(home, 'lost');
  await (await open(data)).close();
  const version = join(data, 'postgres', 'PG_VERSION');
  await rename(version, join(home, 'aside'));
  expect(await refusal(data)).toMatch(/ and \d+ more but no PG_VERSION/);
  await rename(join(home, 'aside'), version);
  expect(await refusal(data)).toBe('started');
});

testWhere(isRoot, 'needs root, which has to move the files')(
  'files are never moved over others outside of the data directory',
  async () => {
    const data = join(home, 'closed');
    await (await open(data)).close();
    await chmod(home, 0o700);
    const name = createHash('sha256').update(data).digest('hex').slice(0, 16);
    const outside = join('/var/lib/latchkey', name);
    try {
      await mkdir(join(outside, 'postgres'), { recursive: true });
      await writeFile(join(outside, 'postgres', 'PG_VERSION'), 'another');
      expect(await refusal(data, ['drop'])).toBe(
        `Both ${join(data, 'postgres')} and ${join(outside, 'postgres')} exist, and only one can be the database. Move the other one away.`,
      );
      expect(existsSync(join(outside, 'postgres', 'PG_VERSION'))).toBe(true);
      // What a move that broke off left is gone on with.
      await rm(join(outside, 'postgres'), { recursive: true });
      await cp(join(data, 'postgres'), join(outside, 'postgres'), { recursive: true });
      expect(await refusal(data, ['drop'])).toBe('started');
      expect(readdirSync(outside)).toEqual(['postgres']);
    } finally {
      await rm(outside, { recursive: true, force: true });
    }
  },
);
