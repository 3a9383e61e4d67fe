// Compiled code: TypeScript to dist/, and beside it every file that the code reads at run time.
import { copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { runChild } from './child.mjs';
import { filesIn, fingerprintOf } from './stamp.mjs';
import { Trouble } from './trouble.mjs';

const folders = ['src', 'providers', 'demo', 'bench'];

const inputs = ['package-lock.json', 'tsconfig.json', 'tsconfig.build.json', ...folders];

export const compileStep = {
  name: 'compile',
  inputs: (root) => fingerprintOf(root, inputs),
  isMade: (root) => existsSync(join(root, 'dist')),
  run: compile,
};

async function compile(root, say) {
  say('compiling ...');
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { code, output } = await runChild(process.execPath, [compiler, '-p', 'tsconfig.build.json'], {
    cwd: root,
  });
  if (code !== 0) throw new Trouble(`the code does not compile:\n${output.trimEnd()}`);
  const sources = folders.flatMap((folder) => filesIn(root, folder));
  for (const path of sources.filter((name) => !/\.(ts|md)$/.test(name))) {
    mkdirSync(dirname(join(root, 'dist', path)), { recursive: true });
    copyFileSync(join(root, path), join(root, 'dist', path));
  }
  removeOrphans(root, new Set(sources));
}

/** A file whose source is gone must not be loaded by what globs its folder (migrations, for one). */
function removeOrphans(root, sources) {
  for (const made of folders.flatMap((folder) => filesIn(join(root, 'dist'), folder))) {
    const source = made.replace(/\.js(\.map)?$/, '.ts');
    if (!sources.has(source) && !sources.has(made)) rmSync(join(root, 'dist', made), { force: true });
  }
}
