// Example components: bundled by their own build script, each into the file that its package.json names.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { runChild } from './child.mjs';
import { fingerprintOf } from './stamp.mjs';
import { Trouble } from './trouble.mjs';
import { readSource } from './whole-file.mjs';

const script = 'components/build.mjs';

export const componentsStep = {
  name: 'components',
  inputs: (root) =>
    existsSync(join(root, script)) ? fingerprintOf(root, ['package-lock.json', 'components']) : null,
  isMade: (root) => mainFiles(root).every((path) => existsSync(path)),
  run: buildComponents,
};

async function buildComponents(root, say) {
  say('building components ...');
  const { code, output } = await runChild(process.execPath, [script], { cwd: root });
  if (code !== 0) throw new Trouble(`a component does not build:\n${output.trimEnd()}`);
}

function mainFiles(root) {
  return readdirSync(join(root, 'components')).flatMap((name) => {
    const main = readSource(join(root, 'components', name, 'package.json'))?.main;
    return typeof main === 'string' ? [join(root, 'components', name, main)] : [];
  });
}
