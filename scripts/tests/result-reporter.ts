// A vitest reporter for the runner: how many tests, every one that failed, with its error, and every one that did not run, with
// its reason.
import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import type { Reporter, TestCase, TestModule } from 'vitest/node';

export type TestResult = {
  readonly passed: number;
  readonly failed: readonly { readonly test: string; readonly message: string }[];
  readonly unhandledErrors: number;
  readonly skipped: readonly { readonly test: string; readonly reason: string | null }[];
};

export default class ResultReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const result: TestResult = {
      passed: tests.filter((test) => test.result().state === 'passed').length,
      failed: tests.flatMap((test) => {
        const outcome = test.result();
        if (outcome.state !== 'failed') return [];
        return [{ test: nameOf(test), message: outcome.errors.map((error) => error.message).join('\n') }];
      }),
      unhandledErrors: unhandledErrors.length,
      skipped: tests.flatMap((test) => {
        const outcome = test.result();
        if (outcome.state !== 'skipped' && outcome.state !== 'pending') return [];
        // Only `context.skip('reason')` carries a reason; test.skip, test.todo and describe.skip do not.
        const reason = outcome.state === 'skipped' ? (outcome.note ?? null) : null;
        return [{ test: nameOf(test), reason }];
      }),
    };
    const path = process.env.LATCHKEY_TEST_RESULT;
    if (path === undefined)
      throw new Error('LATCHKEY_TEST_RESULT is not set: this reporter belongs to npm test');
    writeFileSync(path, JSON.stringify(result));
  }
}

function nameOf(test: TestCase): string {
  return `${relative(process.cwd(), test.module.moduleId)}: ${test.fullName}`;
}
