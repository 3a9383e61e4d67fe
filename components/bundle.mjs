// Bundles one component: one CommonJS file, the form in which components are published and in which host processes
// load them. Same sources, same bytes.
import { copyFile, mkdir, readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

export const componentsRoot = fileURLToPath(new URL('.', import.meta.url));

/** Native helpers are optional everywhere and would not load in a host process. */
const withoutNativeAddons = {
  name: 'without-native-addons',
  /** @param {import('esbuild').PluginBuild} bundle */
  setup(bundle) {
    bundle.onResolve({ filter: /\.node$|^cpu-features$/ }, ({ path }) => ({
      path,
      namespace: 'native-addon',
    }));
    bundle.onLoad({ filter: /.*/, namespace: 'native-addon' }, () => ({
      contents: 'throw new Error("Native addons are not bundled.");',
    }));
  },
};

/**
 * Entry files by component folder: `src/index.ts`, or `src/index.js` for one written without a compiler.
 * @returns {Promise<Map<string, string>>}
 */
export async function findEntries() {
  const entries = new Map();
  for (const folder of await readdir(componentsRoot, { withFileTypes: true })) {
    const source = join(componentsRoot, folder.name, 'src');
    const files = folder.isDirectory() ? await readdir(source).catch(() => []) : [];
    const entry = files.find((name) => name === 'index.ts' || name === 'index.js');
    if (entry !== undefined) entries.set(folder.name, join(source, entry));
  }
  return entries;
}

/**
 * Writes `index.js` and the icon into `targetFolder`.
 * @param {string} name @param {string} targetFolder @returns {Promise<{ path: string, bytes: number }>}
 */
export async function bundleComponent(name, targetFolder) {
  const entry = (await findEntries()).get(name);
  if (entry === undefined) throw new Error(`There is no component "${name}".`);
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    charset: 'utf8',
    legalComments: 'inline',
    // Comments name source files; relative to here they are the same in every checkout.
    absWorkingDir: join(componentsRoot, '..'),
    plugins: [withoutNativeAddons],
    logLevel: 'warning',
  });
  const contents = outputFiles[0]?.contents ?? new Uint8Array();
  await mkdir(targetFolder, { recursive: true });
  await copyFile(join(componentsRoot, name, 'icon.png'), join(targetFolder, 'icon.png'));
  const path = join(targetFolder, 'index.js');
  // Whole or not at all: a server may be reading the old one.
  await writeFile(`${path}.${process.pid}`, contents);
  await rename(`${path}.${process.pid}`, path);
  return { path, bytes: contents.length };
}
