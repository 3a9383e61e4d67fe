// The demo as everybody starts it: a child process that is believed only as far as its exit code and its document agree.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { StepRecord } from './timeline.ts';

type Document = {
  readonly held: boolean;
  readonly reason: string | null;
  readonly durationMs: number;
  readonly address: string | null;
  readonly steps: readonly StepRecord[];
};

const root = fileURLToPath(new URL('..', import.meta.url));
// The demo's own place for temporary files: what is left in it was left by the demo.
const place = mkdtempSync(join(tmpdir(), 'demo-'));
afterAll(() => rmSync(place, { recursive: true, force: true }));

function startNode(args: readonly string[]) {
  const child = spawn(process.execPath, args, { cwd: root, env: { ...process.env, TMPDIR: place } });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      said[name] += text;
    });
  }
  const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
    child.once('close', (code) => resolve({ code, ...said }));
  });
  return { child, said, ended };
}

beforeAll(async () => {
  const { code } = await startNode(['scripts/prepare.mjs']).ended;
  expect(code).toBe(0);
});

async function demo(...args: readonly string[]) {
  const { code, stdout, stderr } = await startNode(['dist/demo/demo.js', '--json', ...args]).ended;
  return { code, stderr, document: JSON.parse(stdout) as Document };
}

test('every step holds, with evidence, and nothing is left behind', async () => {
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
  expect(readdirSync(place)).toEqual([]);
});

test.each([
  ['consent', 'The account is connected, and confirmed to be the right one', 'The account was not connected'],
  ['signature', 'First run: the photo becomes an address in S3', 'SignatureDoesNotMatch'],
])('a world that breaks at "%s" is told at its step, and the exit code is 1', async (point, title, words) => {
  const { code, document } = await demo('--break', point);
  expect(code).toBe(1);
  expect(document).toMatchObject({ held: false, address: null });
  expect(document.steps.at(-1)).toMatchObject({ title, held: false });
  expect(document.steps.at(-1)?.error).toContain(words);
  expect(document.reason).toBe(document.steps.at(-1)?.error);
  expect(document.steps.slice(0, -1).every(({ held }) => held)).toBe(true);
  expect(readdirSync(place)).toEqual([]);
});

test('with --keep everything stays up until Ctrl-C, which leaves nothing behind', async () => {
  const { child, said, ended } = startNode(['dist/demo/demo.js', '--keep']);
  const isUp = new Promise<void>((resolve) => {
    child.stdout.on('data', () => said.stdout.includes('files and log') && resolve());
  });
  await Promise.race([isUp, ended]);
  const [, url = '', email = '', password = ''] =
    /Latchkey +(\S+)\/account\n +sign in +(\S+) \/ (\S+)/.exec(said.stdout) ?? [];
  const pages = await fetch(`${url}/sign-in`);
  expect(pages.status).toBe(200);
  expect([email, password].every((word) => word.length > 10)).toBe(true);
  child.kill('SIGINT');
  // As under npm, which passes on what the terminal has sent already.
  setTimeout(() => child.kill('SIGINT'), 5);
  expect((await ended).code).toBe(0);
  await expect(fetch(`${url}/sign-in`)).rejects.toThrow();
  expect(readdirSync(place)).toEqual([]);
});

test('a signal in the middle of a step ends all children and leaves nothing behind', async () => {
  const { child, said, ended } = startNode(['dist/demo/demo.js']);
  const isStarted = new Promise<void>((resolve) => {
    child.stdout.on('data', () => said.stdout.includes('Latchkey starts') && resolve());
  });
  await Promise.race([isStarted, ended]);
  const url = /Latchkey starts[^\n]*\n +(\S+),/.exec(said.stdout)?.[1];
  child.kill('SIGINT');
  const { code, stdout } = await ended;
  expect(code).toBe(1);
  expect(stdout).toContain('stopped by SIGINT');
  await expect(fetch(`${url}/health`)).rejects.toThrow();
  expect(readdirSync(place)).toEqual([]);
});

test('an option that does not exist is a line of usage and exit code 2', async () => {
  const { code, stdout, stderr } = await startNode(['dist/demo/demo.js', '--brake', 'consent']).ended;
  expect(code).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).toContain('Usage: npm run demo');
});
