// The four things that must be fresh before anything runs: packages, compiled code, its bundle, components.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleStep } from './bundle.mjs';
import { compileStep } from './compile.mjs';
import { componentsStep } from './components.mjs';
import { installStep } from './install.mjs';
import { withLock } from './lock.mjs';
import { forgetStamp, readStamp, writeStamp } from './stamp.mjs';
import { Trouble } from './trouble.mjs';

/**
 * In this order: each needs the one before. `inputs` fingerprints what a step is made from (null = there is no such
 * step here), `isMade` says whether its result is still there.
 */
const steps = [installStep, compileStep, bundleStep, componentsStep];

/** Returns the exit code. Speaks on standard error only: `--json` commands own standard output. */
export async function prepare(rootUrl) {
  const root = fileURLToPath(rootUrl);
  const state = join(root, '.prepare');
  const say = (text) => process.stderr.write(`Latchkey: ${text}\n`);
  try {
    // Without a lock first, so that a prepared folder may be read-only.
    if (staleSteps(root, state).length === 0) return 0;
    await withLock(state, say, async () => {
      const stale = staleSteps(root, state);
      // All of them before the first runs: whenever this ends, what was not made since is stale at the next start.
      for (const step of stale) forgetStamp(state, step.name);
      for (const step of stale) {
        // Taken before the work, so that what changes meanwhile is stale next time.
        const inputs = step.inputs(root);
        await step.run(root, say);
        writeStamp(state, step.name, inputs);
      }
    });
    return 0;
  } catch (error) {
    if (error instanceof Trouble) {
      say(error.message);
      return error.exitCode;
    }
    if (['EACCES', 'EROFS', 'EPERM', 'ENOSPC'].includes(error?.code)) {
      const why = error.code === 'ENOSPC' ? 'the disk is full' : 'no permission to write there';
      say(`cannot write ${error.path ?? root}: ${why}.`);
      return 1;
    }
    throw error;
  }
}

/** A stale step makes all after it stale. */
function staleSteps(root, state) {
  const present = steps.filter((step) => step.inputs(root) !== null);
  const first = present.findIndex(
    (step) => !step.isMade(root) || readStamp(state, step.name) !== step.inputs(root),
  );
  return first === -1 ? [] : present.slice(first);
}
