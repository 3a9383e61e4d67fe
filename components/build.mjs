// Bundles every component (or those named) into <component>/dist/index.js: one CommonJS file, the form in which
// components are published and in which host processes load them. Same sources, same bytes.
import { copyFile, readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('.', import.meta.url));

/** Entry files by component folder: `src/index.ts`, or `src/index.js` for one written without a compiler. */
async function findEntries() {
  const entries = new Map();
  for (const folder of await readdir(root, { withFileTypes: true })) {
    if (!folder.isDirectory()) continue;
    const sources = await readdir(join(root, folder.name, 'src')).catch(() => []);
    const entry = sources.find((name) => name === 'index.ts' || name === 'index.js');
    if (entry !== undefined) entries.set(folder.name, join(root, folder.name, 'src', entry));
  }
  return entries;
}

/** Native helpers are optional everywhere and would not load in a host process. */
const withoutNativeAddons = {
  name: 'without-native-addons',
  setup(bundle) {
    const isNative = /\.node$|^cpu-features$/;
    bundle.onResolve({ filter: isNative }, ({ path }) => ({ path, namespace: 'native-addon' }));
    bundle.onLoad({ filter: /.*/, namespace: 'native-addon' }, () => ({
      contents: 'throw new Error("Native addons are not bundled.");',
    }));
  },
};

const entries = await findEntries();
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !entries.has(name));
if (unknown.length > 0) {
  process.stderr.write(
    `No such component: ${unknown.join(', ')}. Known: ${[...entries.keys()].join(', ')}.\n`,
  );
  process.exit(1);
}
for (const name of asked.length > 0 ? asked : entries.keys()) {
  const outfile = join(root, name, 'dist', 'index.js');
  const { metafile } = await build({
    entryPoints: [entries.get(name)],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    charset: 'utf8',
    legalComments: 'inline',
    minifySyntax: true,
    metafile: true,
    // Paths in comments would differ with the folder of the checkout.
    absWorkingDir: join(root, '..'),
    plugins: [withoutNativeAddons],
    logLevel: 'warning',
  });
  await copyFile(join(root, name, 'icon.png'), join(root, name, 'dist', 'icon.png'));
  const [{ bytes }] = Object.values(metafile.outputs);
  process.stdout.write(`${relative(join(root, '..'), outfile)} ${(bytes / 1024).toFixed(0)} KiB\n`);
}
