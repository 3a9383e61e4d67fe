import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { testWhere } from '../../testing/where.ts';
import { isFault } from '../kernel/fault.ts';
import { proveRootKey } from './root-key.ts';
import {
  createRootKeyFile,
  nextRootKeyFile,
  openRootKeyFiles,
  promoteNextRootKeyFile,
  readRootKeyFile,
  rootKeyFile,
} from './root-key-file.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-root-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const path = () => join(folder, rootKeyFile);
const text = () => `latchkey-root-v1.${randomBytes(32).toString('base64url')}\n`;

async function startRefusal(action: () => Promise<unknown>): Promise<string> {
  try {
    await action();
  } catch (error) {
    if (isFault(error, 'cannot_start')) return error.public;
    throw error;
  }
  throw new Error('was accepted');
}

test('a new root key file is whole, private and never replaces another', async () => {
  const made = await createRootKeyFile(folder);
  const facts = await lstat(path());
  expect(facts.mode & 0o777).toBe(0o600);
  expect(await readdir(folder)).toEqual([rootKeyFile]);
  expect((await readRootKeyFile(folder))?.id).toBe(made.id);
  const before = await readFile(path());
  expect(await startRefusal(() => createRootKeyFile(folder))).toContain('cannot be created');
  expect((await readFile(path())).equals(before)).toBe(true);
  expect(await readdir(folder)).toEqual([rootKeyFile]);
});

test('a folder that is not there is made with the key, for its owner alone', async () => {
  const deep = join(folder, 'data', 'latchkey');
  const made = await createRootKeyFile(deep);
  expect((await readRootKeyFile(deep))?.id).toBe(made.id);
  expect((await lstat(deep)).mode & 0o777).toBe(0o700);
});

test('of many processes that create the root key at once, one wins and leaves one whole key', async () => {
  const tries = await Promise.allSettled(Array.from({ length: 16 }, () => createRootKeyFile(folder)));
  const won = tries.filter((result) => result.status === 'fulfilled');
  expect(won).toHaveLength(1);
  expect((await readRootKeyFile(folder))?.id).toBe(won[0]?.value.id);
  expect(await readdir(folder)).toEqual([rootKeyFile]);
});

test('a root key file that others may read, write or swap is refused, with the cure', async () => {
  for (const mode of [0o640, 0o604, 0o660, 0o644, 0o620, 0o610, 0o601]) {
    await writeFile(path(), text());
    await chmod(path(), mode);
    expect(await startRefusal(() => openRootKeyFiles(folder))).toContain('chmod 600');
  }
  await rm(path());
  await mkdir(path(), { mode: 0o700 });
  expect(await startRefusal(() => openRootKeyFiles(folder))).toContain('not a regular file');
  await rm(path(), { recursive: true });
  await writeFile(join(folder, 'elsewhere'), text(), { mode: 0o600 });
  await symlink(join(folder, 'elsewhere'), path());
  expect(await startRefusal(() => openRootKeyFiles(folder))).toContain('symbolic link');
  await rm(path());
  execFileSync('sh', ['-c', 'mkfifo -m 600 "$0"', path()]);
  expect(await startRefusal(() => openRootKeyFiles(folder))).toContain('not a regular file');
});

testWhere(process.geteuid?.() === 0, 'needs root, to give a file away')(
  'a root key file of another user is refused',
  async () => {
    await writeFile(path(), text(), { mode: 0o600 });
    execFileSync('chown', ['65534', path()]);
    expect(await startRefusal(() => openRootKeyFiles(folder))).toContain('another user');
  },
);

test('a root key of the wrong length or form is refused and its text is not repeated', async () => {
  const good = text();
  for (const bad of [
    '',
    '\n',
    'x',
    good.slice(0, -2),
    `${good}x`,
    good.replace('v1', 'v2'),
    ` ${good}`,
    `${good}\n`,
  ]) {
    await writeFile(path(), bad, { mode: 0o600 });
    const said = await startRefusal(() => openRootKeyFiles(folder));
    expect(said).toContain('does not hold a root key');
    expect(said).not.toContain(good.slice(17, 40));
  }
  await writeFile(path(), 'x'.repeat(1000), { mode: 0o600 });
  expect(await startRefusal(() => openRootKeyFiles(folder))).toContain('too long');
});

test('an absent or exchanged root key is noticed before anything is opened, and nothing is written', async () => {
  const made = await createRootKeyFile(folder);
  const record = { id: made.id, checkValue: await made.checkValue() };
  expect((await proveRootKey(await openRootKeyFiles(folder), record)).id).toBe(made.id);

  await rm(path());
  expect(await startRefusal(async () => proveRootKey(await openRootKeyFiles(folder), record))).toContain(
    'not here',
  );
  expect(await readdir(folder)).toEqual([]);

  const other = await createRootKeyFile(folder);
  expect(other.id).not.toBe(made.id);
  expect(await startRefusal(async () => proveRootKey(await openRootKeyFiles(folder), record))).toContain(
    'not here',
  );
  const forged = { id: other.id, checkValue: record.checkValue };
  expect(await startRefusal(async () => proveRootKey(await openRootKeyFiles(folder), forged))).toContain(
    'does not match',
  );
  expect(await readdir(folder)).toEqual([rootKeyFile]);
});

test('a wrapped tenant key opens only with its root key and for what it was wrapped for', async () => {
  const made = await createRootKeyFile(folder);
  const tenantKey = randomBytes(32);
  const wrapped = await made.wrap(tenantKey, Buffer.from('tenant 1'));
  expect((await made.unwrap(wrapped, Buffer.from('tenant 1'))).equals(tenantKey)).toBe(true);
  await expect(made.unwrap(wrapped, Buffer.from('tenant 2'))).rejects.toThrow('cannot be opened');
  const other = await createRootKeyFile(folder, nextRootKeyFile);
  await expect(other.unwrap(wrapped, Buffer.from('tenant 1'))).rejects.toThrow('cannot be opened');
  expect(wrapped.includes(tenantKey)).toBe(false);
  const material = (await readFile(path(), 'utf8')).slice(17, 60);
  expect(inspect(made, { depth: 9, showHidden: true }) + JSON.stringify(made)).not.toContain(material);
});

test('both root keys are usable during a rotation, the old one stays for old backups, a new one is found later', async () => {
  const first = await createRootKeyFile(folder);
  const keys = await openRootKeyFiles(folder);
  const second = await createRootKeyFile(folder, nextRootKeyFile);
  expect((await keys.find(second.id))?.id).toBe(second.id);
  expect((await keys.find(first.id))?.id).toBe(first.id);
  await promoteNextRootKeyFile(folder);
  expect((await readRootKeyFile(folder))?.id).toBe(second.id);
  const after = await openRootKeyFiles(folder);
  expect((await after.find(first.id))?.id).toBe(first.id);
  expect((await after.find(second.id))?.id).toBe(second.id);
  await promoteNextRootKeyFile(folder);
  expect((await readRootKeyFile(folder))?.id).toBe(second.id);
});

test('a crash between the two renames of a rotation loses no key', async () => {
  const first = await createRootKeyFile(folder);
  const second = await createRootKeyFile(folder, nextRootKeyFile);
  await rename(path(), join(folder, `root.key.retired-${first.id.slice(5)}`));
  expect((await (await openRootKeyFiles(folder)).find(first.id))?.id).toBe(first.id);
  expect((await (await openRootKeyFiles(folder)).find(second.id))?.id).toBe(second.id);
  await promoteNextRootKeyFile(folder);
  expect((await readRootKeyFile(folder))?.id).toBe(second.id);
});
