// Runs one step and says how it went: { name, ok, seconds, note, failed, skipped }.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestResult } from './result-reporter.ts';
import type { Step } from './steps.ts';

export type StepResult = {
  readonly name: string;
  readonly ok: boolean;
  readonly seconds: number;
  readonly note: string;
  readonly failed: TestResult['failed'];
  readonly skipped: TestResult['skipped'];
};
type Verdict = Omit<StepResult, 'name' | 'seconds'>;
type Ended = { readonly code: number; readonly output: string };

export async function runStep(root: string, step: Step): Promise<StepResult> {
  const started = performance.now();
  const result = step.kind === 'check' ? await runCheck(root, step) : await runTests(root, step);
  return { name: step.name, ...result, seconds: (performance.now() - started) / 1000 };
}

/** Silent when all is well. */
async function runCheck(root: string, step: Step & { kind: 'check' }): Promise<Verdict> {
  const [command = '', ...args] = step.args;
  const { code, output } = await run(command, args, { cwd: root, quiet: true });
  if (code !== 0) process.stdout.write(`\n--- ${step.name}\n${output.trimEnd()}\n`);
  return { ok: code === 0, note: '', failed: [], skipped: [] };
}

async function runTests(root: string, step: Step & { kind: 'tests' }): Promise<Verdict> {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-test-'));
  const resultFile = join(folder, 'result.json');
  const { DATABASE_URL: _url, TEST_DATABASE_URL: _testUrl, ...env } = process.env;
  const reporters = ['--reporter=default', '--reporter=./scripts/tests/result-reporter.ts'];
  const args = [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--project',
    step.project,
    ...reporters,
    '--allowOnly=false',
  ];
  process.stdout.write(`\n--- ${step.name}\n`);
  const { code } = await run(process.execPath, [...args, ...step.filters], {
    cwd: root,
    env: {
      ...env,
      LATCHKEY_TEST_RESULT: resultFile,
      ...(step.databaseUrl === undefined ? {} : { DATABASE_URL: step.databaseUrl }),
    },
  });
  const result = readResult(resultFile);
  rmSync(folder, { recursive: true, force: true });
  return judge(code, result);
}

/** Green = vitest is content, something ran, and each test that did not run says why. */
export function judge(code: number, result: TestResult | null): Verdict {
  if (result === null)
    return { ok: false, note: 'no result: the run did not end properly', failed: [], skipped: [] };
  const { passed, failed, skipped } = result;
  const silent = skipped.filter((one) => one.reason === null || one.reason.trim() === '').length;
  const parts = [`${passed} passed`];
  if (failed.length > 0) parts.push(`${failed.length} failed`);
  if (skipped.length > 0) parts.push(`${skipped.length} skipped`);
  if (silent > 0) parts.push(`${silent} of them without a reason`);
  if (result.unhandledErrors > 0) parts.push(`${result.unhandledErrors} errors outside tests`);
  const ok = code === 0 && failed.length === 0 && passed > 0 && silent === 0;
  return { ok, note: parts.join(', '), failed, skipped };
}

function readResult(path: string): TestResult | null {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    // Absent or cut off: the run was killed, which `judge` reports.
    return null;
  }
}

/** Children end with us: a signal to the runner goes on to them, then we wait for their end. */
function run(
  command: string,
  args: readonly string[],
  { cwd, env = process.env, quiet = false }: { cwd: string; env?: NodeJS.ProcessEnv; quiet?: boolean },
): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env,
      stdio: ['ignore', quiet ? 'pipe' : 'inherit', quiet ? 'pipe' : 'inherit'],
    });
    let output = '';
    const keep = (text: string) => {
      output += text;
    };
    child.stdout?.setEncoding('utf8').on('data', keep);
    child.stderr?.setEncoding('utf8').on('data', keep);
    const pass = (signal: NodeJS.Signals) => child.kill(signal);
    process.once('SIGINT', pass).once('SIGTERM', pass);
    const end = (code: number) => {
      process.off('SIGINT', pass).off('SIGTERM', pass);
      resolve({ code, output });
    };
    child.on('error', (error) => {
      output += `${command}: ${error.message}`;
      end(1);
    });
    child.on('close', (code) => end(code ?? 1));
  });
}
