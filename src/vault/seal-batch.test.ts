import { fork } from 'node:child_process';
import { expect, test } from 'vitest';

function sealElsewhere(count: number): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    const file = new URL('./seal-batch.fixture.ts', import.meta.url);
    const child = fork(file, [String(count)], { execArgv: ['--import', 'tsx'] });
    child.once('message', (chances) => resolve(chances as readonly string[]));
    child.once('error', reject);
    child.once('exit', (code) => code !== 0 && reject(new Error(`exit code ${code}`)));
  });
}

test('processes that start alike never draw the same salt or nonce', async () => {
  const batches = await Promise.all(Array.from({ length: 4 }, () => sealElsewhere(5000)));
  const all = batches.flat();
  expect(all).toHaveLength(20_000);
  expect(new Set(all.map((text) => text.slice(0, 42))).size).toBe(20_000);
  expect(new Set(all.map((text) => Buffer.from(text, 'base64').subarray(32).toString('hex'))).size).toBe(
    20_000,
  );
}, 60_000);
