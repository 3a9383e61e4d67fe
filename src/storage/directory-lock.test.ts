import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Clock } from '../kernel/clock.ts';
import { lockDirectory } from './directory-lock.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'latchkey-lock-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const path = (): string => join(directory, 'latchkey.lock');
const elsewhere = { nonce: 'n', pid: 7, started: '1', place: 'another container', host: 'web-2' };

/** A clock whose every look is a second later; `onLook` lets something happen meanwhile. */
const hastyClock = (onLook: (look: number) => void = () => {}): Clock => {
  let look = 0;
  return {
    now: () => new Date(),
    monotonicMs: () => {
      look += 1;
      onLook(look);
      return look * 6_000;
    },
  };
};

test('a directory is taken once, and free again after its release', async () => {
  const lock = await lockDirectory(directory);
  await expect(lockDirectory(directory)).rejects.toMatchObject({ code: 'cannot_start' });
  lock.release();
  expect(readdirSync(directory)).toEqual([]);
  (await lockDirectory(directory)).release();
});

test('of many that try together exactly one gets it', async () => {
  const tries = await Promise.allSettled(Array.from({ length: 20 }, () => lockDirectory(directory)));
  const taken = tries.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  expect(taken).toHaveLength(1);
  expect(readdirSync(directory)).toEqual(['latchkey.lock']);
  taken[0]?.release();
});

test('of many that find a dead holder’s lock exactly one gets it', async () => {
  (await lockDirectory(directory)).release();
  const lock = await lockDirectory(directory);
  const dead = { ...JSON.parse(readFileSync(path(), 'utf8')), nonce: 'dead', started: '1' };
  lock.release();
  writeFileSync(path(), JSON.stringify(dead));
  const tries = await Promise.allSettled(Array.from({ length: 20 }, () => lockDirectory(directory)));
  const taken = tries.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  expect(taken).toHaveLength(1);
  taken[0]?.release();
});

test('a holder in another container is respected while its heartbeat moves', async () => {
  writeFileSync(path(), JSON.stringify(elsewhere));
  const clock = hastyClock((look) => utimesSync(path(), look, look));
  await expect(lockDirectory(directory, clock)).rejects.toThrow('Another Latchkey is using');
  expect(JSON.parse(readFileSync(path(), 'utf8'))).toEqual(elsewhere);
});

test('a holder in another container that is silent is dead', async () => {
  writeFileSync(path(), JSON.stringify(elsewhere));
  const lock = await lockDirectory(directory, hastyClock());
  expect(JSON.parse(readFileSync(path(), 'utf8'))).toMatchObject({ pid: process.pid });
  lock.release();
});

test('a lock cut short by a full disk counts as silent, not as an error', async () => {
  writeFileSync(path(), '{"nonce":');
  const lock = await lockDirectory(directory, hastyClock());
  lock.release();
});

test('releasing does not take away another holder’s lock', async () => {
  const lock = await lockDirectory(directory);
  writeFileSync(path(), JSON.stringify(elsewhere));
  lock.release();
  expect(JSON.parse(readFileSync(path(), 'utf8'))).toEqual(elsewhere);
});
