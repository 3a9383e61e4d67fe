// Root keys in files beside the data: `root.key` in force, `root.key.next` while a rotation runs, `root.key.retired-*`
// for old backups. A file that anybody else can read, write or swap is refused rather than repaired.
import { createHmac, createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, link, mkdir, open, readdir, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Fault } from '../kernel/fault.ts';
import { Plain } from '../kernel/plain.ts';
import { openBytes, sealBytes } from './aead.ts';
import type { RootKey, RootKeys } from './root-key.ts';
import { keyIdLength, sealedFromColumn } from './sealed.ts';

export const rootKeyFile = 'root.key';
export const nextRootKeyFile = 'root.key.next';

const filePattern = /^root\.key(\.next|\.retired-[0-9a-f]+)?$/;
// A prefix makes a key that was pasted somewhere recognisable to secret scanners, and versions the file.
const linePattern = /^latchkey-root-v1\.([A-Za-z0-9_-]{43})\n?$/;
const keyLength = 32;
const maxFileBytes = 256;

/** Every root key in `folder`. Throws `cannot_start` when one of the files cannot be trusted. */
export async function openRootKeyFiles(folder: string): Promise<RootKeys> {
  let known = await readFolder(folder);
  return {
    find: async (id) => {
      if (!known.has(id)) known = await readFolder(folder);
      return known.get(id) ?? null;
    },
  };
}

/**
 * Makes a new key file, never over an existing one: the key is written and synced under another name and then linked,
 * so that a crash leaves either no key or a whole one.
 */
export async function createRootKeyFile(folder: string, name: string = rootKeyFile): Promise<RootKey> {
  const path = join(folder, name);
  const draft = join(folder, `.${name}.${randomBytes(8).toString('hex')}`);
  const material = randomBytes(keyLength);
  const line = Buffer.from(`latchkey-root-v1.${material.toString('base64url')}\n`);
  try {
    // With an outside database nobody has made the data directory before.
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(line);
      await file.sync();
    } finally {
      await file.close();
    }
    await link(draft, path);
    await unlink(draft);
    await syncFolder(folder);
    return rootKeyOf(material);
  } catch (cause) {
    await unlink(draft).catch(() => {});
    throw new Fault('cannot_start', `The root key file ${path} cannot be created.`, {
      cure: 'Make the data directory writable for this user, or put an existing key there.',
      detail: errorCode(cause),
      cause,
    });
  } finally {
    material.fill(0);
    line.fill(0);
  }
}

/** Null when there is no such file. */
export async function readRootKeyFile(folder: string, name: string = rootKeyFile): Promise<RootKey | null> {
  const path = join(folder, name);
  const file = await openForReading(path);
  if (file === null) return null;
  const bytes = Buffer.alloc(maxFileBytes + 1);
  let material: Buffer | null = null;
  try {
    await refuseUntrusted(file, path);
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
    const match = linePattern.exec(bytes.toString('latin1', 0, bytesRead));
    material = match?.[1] === undefined ? null : Buffer.from(match[1], 'base64url');
    if (material?.length !== keyLength)
      throw refused(path, 'does not hold a root key', 'Restore it from your key backup.');
    return rootKeyOf(material);
  } finally {
    bytes.fill(0);
    material?.fill(0);
    await file.close();
  }
}

/** After a rotation: the next key becomes `root.key`; the old one stays for backups made under it. */
export async function promoteNextRootKeyFile(folder: string): Promise<void> {
  const next = await readRootKeyFile(folder, nextRootKeyFile);
  if (next === null) return;
  const current = await readRootKeyFile(folder);
  if (current !== null) {
    const fingerprint = current.id.slice(current.id.indexOf(':') + 1);
    await rename(join(folder, rootKeyFile), join(folder, `${rootKeyFile}.retired-${fingerprint}`));
  }
  await rename(join(folder, nextRootKeyFile), join(folder, rootKeyFile));
  await syncFolder(folder);
}

async function readFolder(folder: string): Promise<ReadonlyMap<string, RootKey>> {
  const keys = new Map<string, RootKey>();
  for (const name of await namesIn(folder)) {
    if (!filePattern.test(name)) continue;
    const key = await readRootKeyFile(folder, name);
    if (key !== null) keys.set(key.id, key);
  }
  return keys;
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (cause) {
    throw new Fault('cannot_start', `The folder ${folder} cannot be read.`, {
      cure: 'Give this user access to the data directory.',
      detail: errorCode(cause),
      cause,
    });
  }
}

async function openForReading(path: string): Promise<FileHandle | null> {
  try {
    // Without waiting: a named pipe in the key's place must not hang the start.
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    const code = errorCode(cause);
    if (code === 'ENOENT') return null;
    if (code === 'ELOOP') throw refused(path, 'is a symbolic link', 'Put the key file itself there.');
    throw refused(
      path,
      `cannot be read (${code})`,
      'Make it readable for the user that runs Latchkey, and only for it.',
    );
  }
}

async function refuseUntrusted(file: FileHandle, path: string): Promise<void> {
  const facts = await file.stat();
  if (!facts.isFile()) throw refused(path, 'is not a regular file', 'Put the key file there.');
  if (facts.uid !== process.geteuid?.()) {
    throw refused(path, 'belongs to another user', 'Change its owner to the user that runs Latchkey.');
  }
  if ((facts.mode & 0o077) !== 0) {
    throw refused(path, 'can be read by other users', `Run: chmod 600 ${path}`);
  }
  if (facts.size > maxFileBytes)
    throw refused(path, 'is too long for a root key', 'Restore it from your key backup.');
}

function rootKeyOf(material: Buffer): RootKey {
  const key = createSecretKey(material);
  const fingerprint = hmac(key, 'latchkey/root-id/v1').subarray(0, keyIdLength);
  const numbered = { key, keyId: fingerprint, keyNo: 0 };
  return {
    id: `file:${fingerprint.toString('hex')}`,
    wrap: async (tenantKey, aad) => sealBytes(Plain.fromBytes(tenantKey), { key: numbered, aad }),
    unwrap: async (wrapped, aad) =>
      openBytes(sealedFromColumn(wrapped), { key: numbered, aad }).revealBytes(),
    checkValue: async () => hmac(key, 'latchkey/root-check/v1'),
  };
}

function hmac(key: KeyObject, label: string): Buffer {
  return createHmac('sha256', key).update(label).digest();
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function refused(path: string, problem: string, cure: string): Fault {
  return new Fault('cannot_start', `The root key file ${path} ${problem}.`, { cure });
}

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
}
