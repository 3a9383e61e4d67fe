// The last thing that `npm test` prints: what ran, how long it took, what did not run and why, what failed and how. Whoever has
// only the end of a long log has these.
import type { StepResult } from './run-step.ts';

type Run = {
  readonly stopped: boolean;
  readonly external: boolean;
  /** Did the caller name the steps? */
  readonly asked: boolean;
};

export function summary(results: readonly StepResult[], { stopped, external, asked }: Run): string {
  const rows = results.map(({ name, ok, seconds, note }) =>
    `${ok ? 'ok    ' : 'FAILED'}  ${name.padEnd(14)}${seconds.toFixed(1).padStart(7)} s  ${note}`.trimEnd(),
  );
  const total = results.reduce((sum, result) => sum + result.seconds, 0);
  const skipped = results.flatMap((result) =>
    result.skipped.map(
      ({ test, reason }) =>
        `  ${result.name}: ${test}\n    ${reason ?? 'NO REASON GIVEN: use context.skip("why")'}`,
    ),
  );
  const lines = ['', ...rows, '', `${total.toFixed(1)} s of work on Node ${process.versions.node}`];
  if (skipped.length > 0) lines.push('', `Did not run (${skipped.length}):`, ...skipped);
  if (!external && !asked)
    lines.push('', 'DATABASE_URL is not set: nothing ran on an external PostgreSQL (.ci/run starts one).');
  const failed = results.flatMap((result) =>
    result.failed.map(({ test, message }) => `  ${result.name}: ${test}\n${beginning(message)}`),
  );
  if (failed.length > 0) lines.push('', `Failed (${failed.length}):`, ...failed);
  if (stopped) lines.push('', 'Stopped before the end.');
  return lines.join('\n');
}

/** The first lines of an error, each cut to a width that can be read. */
function beginning(message: string): string {
  const lines = message.split('\n').slice(0, 8);
  return lines.map((line) => `    ${line.slice(0, 200)}`).join('\n');
}
