// The command line in one piece: what `npm start` and the `latchkey` of package.json run.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isBuilt } from './builds.mjs';
import { runChild } from './child.mjs';
import { fingerprintOf } from './stamp.mjs';
import { Trouble } from './trouble.mjs';

const script = 'scripts/bundle.mjs';

/** Of compiled code: the step before makes this one stale. */
export const bundleStep = {
  name: 'bundle',
  inputs: (root) => (existsSync(join(root, script)) ? fingerprintOf(root, [script]) : null),
  isMade: (root) => isBuilt(join(root, 'dist', 'bin')),
  run: bundle,
};

async function bundle(root, say) {
  say('bundling ...');
  const { code, output } = await runChild(process.execPath, [script], { cwd: root });
  if (code !== 0) throw new Trouble(`the compiled code cannot be bundled:\n${output.trimEnd()}`);
}
