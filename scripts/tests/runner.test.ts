import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { judge, runStep } from './run-step.ts';
import { stepsFor } from './steps.ts';
import { summary } from './summary.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const names = (wanted: string[], env = {}) => stepsFor(root, wanted, env).map((step) => step.name);
const result = { passed: 3, failed: [], unhandledErrors: 0, skipped: [] };
const failed = [{ test: 'a.test.ts: c', message: 'expected 1\nto be 2' }];
const skipped = (reason: string | null) => [{ test: 'a.test.ts: b', reason }];

describe('a test run is green only if', () => {
  test('vitest is content', () => {
    expect(judge(0, result).ok).toBe(true);
    expect(judge(1, result).ok).toBe(false);
    expect(judge(0, { ...result, failed }).ok).toBe(false);
  });

  test('something ran', () => {
    expect(judge(0, { ...result, passed: 0 }).ok).toBe(false);
    expect(judge(0, null).ok).toBe(false);
  });

  test('each test that did not run says why', () => {
    expect(judge(0, { ...result, skipped: skipped('needs a user namespace') }).ok).toBe(true);
    expect(judge(0, { ...result, skipped: skipped(null) }).ok).toBe(false);
    expect(judge(0, { ...result, skipped: skipped(' ') }).ok).toBe(false);
  });
});

test('a check that fails fails its step, and so does one that cannot be started', async () => {
  const step = (...args: string[]) => runStep(root, { name: 'c', kind: 'check', args });
  expect(await step(process.execPath, '-e', '')).toMatchObject({ ok: true });
  expect(await step(process.execPath, '-e', 'process.exit(3)')).toMatchObject({ ok: false });
  expect(await step('/no/such/program')).toMatchObject({ ok: false });
});

test('everything runs by default, and a second time only where DATABASE_URL names a server', () => {
  const everything = [
    'types',
    'lint',
    'floors',
    'dead-code',
    'spelling',
    'model',
    'unit',
    'db',
    'e2e',
    'alone',
  ];
  expect(names([])).toEqual(everything);
  expect(names([], { DATABASE_URL: 'postgres://x' })).toEqual([
    ...everything,
    'db-external',
    'e2e-external',
    'alone-external',
  ]);
  expect(names(['check'])).toEqual(everything.slice(0, 6));
  expect(names(['unit', 'contract', 'e2e-one'])).toEqual(['unit', 'contract', 'e2e-one']);
  expect(() => names(['unti'])).toThrow(/No step "unti"/);
});

test('the summary shows what did not run and why, and what failed and how', () => {
  const row = { name: 'db', ok: false, seconds: 61.23, note: '3 passed' };
  const rows = [{ ...row, failed, skipped: skipped('needs a namespace') }];
  const text = summary(rows, { stopped: false, external: false, asked: false });
  expect(text).toContain('FAILED  db               61.2 s  3 passed');
  expect(text).toContain('db: a.test.ts: b\n    needs a namespace');
  expect(text).toContain('Failed (1):\n  db: a.test.ts: c\n    expected 1\n    to be 2');
  expect(text).toContain('DATABASE_URL is not set');
});
