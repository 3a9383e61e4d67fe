// Tests that can run only in some places. Elsewhere they are reported with the reason, never dropped in silence.
import { describe, type TestAPI, test } from 'vitest';

/** Why tests that forge rows or make roles do not run on a server of somebody else's. */
export const needsSuperuser = 'needs a superuser, whom only the embedded engine lets in';

/** `test`, which runs where `holds`, and is skipped with the reason elsewhere. */
export function testWhere(holds: boolean, reason: string): TestAPI {
  if (holds) return test;
  return test.extend<{ place: null }>({
    place: [
      async ({ skip }, use) => {
        skip(reason);
        await use(null);
      },
      { auto: true },
    ],
  });
}

/** `describe`, where `holds`; elsewhere one skipped test that stands for all of it, so that no hook prepares for nothing. */
export function describeWhere(holds: boolean, reason: string): (name: string, tests: () => void) => void {
  return (name, tests) => {
    describe(name, holds ? tests : () => test('all of it', ({ skip }) => skip(reason)));
  };
}
