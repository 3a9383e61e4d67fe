// The demo as everybody starts it: a child process that is believed only as far as its exit code and its document agree.
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { StepRecord } from './timeline.ts';

type Document = {
  readonly held: boolean;
  readonly reason: string | null;
  readonly durationMs: number;
  readonly address: string | null;
  readonly steps: readonly StepRecord[];
};

const root = fileURLToPath(new URL('..', import.meta.url));

function runNode(args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const options = { cwd: root, maxBuffer: 10_000_000, timeout: 110_000 };
    execFile(process.execPath, args, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, stdout, stderr });
    });
  });
}

async function demo(...args: readonly string[]) {
  expect((await runNode(['scripts/prepare.mjs'])).code).toBe(0);
  const { code, stdout, stderr } = await runNode(['dist/demo/demo.js', '--json', ...args]);
  return { code, stderr, document: JSON.parse(stdout) as Document };
}

function folders(): readonly string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith('latchkey-demo-'));
}

test('every step holds, with evidence, and nothing is left behind', async () => {
  const before = folders();
  const { code, document, stderr } = await demo();
  expect(document.steps.filter((step) => !step.held)).toEqual([]);
  expect(document).toMatchObject({
    held: true,
    reason: null,
    address: '5 Avenue Anatole France, 75007 Paris, France',
  });
  expect(code).toBe(0);
  expect(stderr).toBe('');
  expect(document.steps.map(({ title }) => title)).toEqual([
    'The outside world stands in for itself',
    'Latchkey starts on an empty directory',
    'The owner sets it up and makes an API token',
    'The customer Hooli gets three credentials',
    'The account is connected, and confirmed to be the right one',
    'The integration is imported and published',
    'An instance for Hooli is bound, deployed and enabled',
    'First run: the photo becomes an address in S3',
    'The token is refreshed in the background, before it ends',
    'Second run: with the new token, and nobody noticed',
    'Disconnected: here at once, at the provider by revocation',
    'Third run: fails, and says why',
    'No secret stands in the data directory',
  ]);
  const [, , , , consent, , , first, refresh, second, , third, scan] = document.steps.map(
    ({ facts }) => facts,
  );
  expect(consent?.codeExchanges).toBe(1);
  expect(first?.token).toBe(consent?.accessToken);
  expect(refresh?.refreshes).toBe(1);
  expect(second?.token).toBe(refresh?.accessToken);
  expect(second?.token).not.toBe(first?.token);
  expect(third).toMatchObject({ connection: { key: 'Dropbox Connection' } });
  expect(scan).toMatchObject({ hits: [] });
  expect(folders()).toEqual(before);
});

test.each([
  ['consent', 'The account is connected, and confirmed to be the right one', 'The account was not connected'],
  ['signature', 'First run: the photo becomes an address in S3', 'SignatureDoesNotMatch'],
  ['refresh', 'The token is refreshed in the background, before it ends', 'invalid_grant'],
])('a world that breaks at "%s" is told at its step, and the exit code is 1', async (point, title, words) => {
  const before = folders();
  const { code, document } = await demo('--break', point);
  expect(code).toBe(1);
  expect(document).toMatchObject({ held: false, address: null });
  expect(document.steps.at(-1)).toMatchObject({ title, held: false });
  expect(document.steps.at(-1)?.error).toContain(words);
  expect(document.reason).toBe(document.steps.at(-1)?.error);
  expect(document.steps.slice(0, -1).every(({ held }) => held)).toBe(true);
  expect(folders()).toEqual(before);
});

test('an option that does not exist is a line of usage and exit code 2', async () => {
  const { code, stdout, stderr } = await runNode(['dist/demo/demo.js', '--brake', 'consent']);
  expect(code).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).toContain('Usage: npm run demo');
});
