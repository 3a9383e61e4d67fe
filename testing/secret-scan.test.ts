import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { scanForSecrets } from './secret-scan.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-scan-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

// Characters that differ in every encoding: quotes, slash, plus, percent, non-ASCII.
const secret = `pl"an\\ted/+%é-${randomBytes(12).toString('hex')}`;

async function found(content: Buffer | string): Promise<readonly string[]> {
  await mkdir(join(folder, 'base', '1'), { recursive: true });
  await writeFile(join(folder, 'base', '1', '2619'), content);
  const report = await scanForSecrets([folder], { planted: secret });
  return report.hits.map((hit) => hit.encoding);
}

test('a planted secret is found in each of its encodings, whatever stands around it', async () => {
  const raw = Buffer.from(secret);
  expect(await found(`....${secret}....`)).toContain('raw');
  for (const before of [0, 1, 2, 3, 4, 5]) {
    for (const after of [0, 1, 2]) {
      const wrapped = Buffer.concat([randomBytes(before), raw, randomBytes(after)]);
      expect(await found(wrapped.toString('base64')), `base64 ${before} ${after}`).not.toEqual([]);
      expect(await found(wrapped.toString('base64url')), `base64url ${before} ${after}`).not.toEqual([]);
    }
  }
  expect(await found(raw.toString('hex'))).toEqual(['hex']);
  expect(await found(raw.toString('hex').toUpperCase())).toEqual(['HEX']);
  expect(await found(Buffer.from(`x${secret}`, 'utf16le'))).toEqual(['utf16le']);
  expect(await found(`?q=${encodeURIComponent(secret)}`)).toEqual(['url']);
  expect(await found(JSON.stringify({ secret }))).toEqual(['json']);
  expect(await found(Buffer.from(raw).reverse())).toEqual(['reversed']);
});

test('a secret across the border of two chunks is found once', async () => {
  for (const before of [4 * 1024 * 1024 - 5, 4 * 1024 * 1024, 8 * 1024 * 1024 - 1]) {
    const hits = await found(Buffer.concat([Buffer.alloc(before, 46), Buffer.from(secret), Buffer.alloc(9)]));
    expect(hits).toEqual(['raw']);
  }
});

test('files without the secret give no hit, and the report says how much was read', async () => {
  await writeFile(join(folder, 'log'), randomBytes(100_000));
  const report = await scanForSecrets([folder], { planted: secret });
  expect(report).toEqual({ files: 1, bytes: 100_000, hits: [] });
});

test('a secret too short to be told from chance is refused', async () => {
  await expect(scanForSecrets([folder], { planted: 'short' })).rejects.toThrow('at least');
});
