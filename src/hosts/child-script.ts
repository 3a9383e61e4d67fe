// Makes the host child one CommonJS file, so that its jail holds exactly one readable file and the same bytes run
// from sources (tests) and from the compiled tree.
import { chmodSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type * as Esbuild from 'esbuild';

/** Blocks for some 30 ms, once in a process's life. Nothing of it stays: no service process, no thread. */
export function writeChildScript(targetPath: string): void {
  // Read by esbuild as it loads: with a thread, its service would stay as long as we do.
  process.env.ESBUILD_WORKER_THREADS = '0';
  // Loaded only here: most servers start no component for a long time.
  const { buildSync } = createRequire(import.meta.url)('esbuild') as typeof Esbuild;
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  buildSync({
    entryPoints: [fileURLToPath(new URL(`./spectral-host-child.${extension}`, import.meta.url))],
    outfile: targetPath,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    logLevel: 'silent',
  });
  // Whatever our umask: the child reads it under another uid.
  chmodSync(targetPath, 0o644);
}
