// `npm test`: everything that must hold, a table of it at the end, exit code 0 only if all of it held.
// `npm test -- unit floors` runs only those; `npm run check` runs the checks without tests.
import { fileURLToPath } from 'node:url';
import { runStep, type StepResult } from './tests/run-step.ts';
import { type Step, stepsFor } from './tests/steps.ts';
import { summary } from './tests/summary.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const steps = stepsFor(root, process.argv.slice(2), process.env);

let stopped = false;
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    stopped = true;
  });
}

const results: StepResult[] = [];
for (const group of inPairs(steps)) {
  if (stopped) break;
  results.push(...(await Promise.all(group.map((step) => runStep(root, step)))));
}
console.log(
  summary(results, { stopped, external: Boolean(process.env.DATABASE_URL), asked: process.argv.length > 2 }),
);
process.exitCode = !stopped && results.every((result) => result.ok) ? 0 : 1;

/** Checks are single-threaded and quiet: two at a time. Tests use all cores by themselves: one at a time. */
function inPairs(list: readonly Step[]): Step[][] {
  const groups: Step[][] = [];
  for (const step of list) {
    const last = groups.at(-1);
    const joins = last?.length === 1 && last[0]?.kind === 'check' && step.kind === 'check';
    if (joins) last?.push(step);
    else groups.push([step]);
  }
  return groups;
}
