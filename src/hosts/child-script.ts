// Makes the host child one CommonJS file, so that its jail holds exactly one readable file and the same bytes run
// from sources (tests) and from the compiled tree.
import { execFileSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { BuildOptions } from 'esbuild';

const buildAndEnd = 'require(process.argv[1]).buildSync(JSON.parse(process.argv[2]))';

/**
 * Blocks for some 100 ms, once in a process's life. Another process does it: in ours, the bundler would stay for good with
 * a thread and a service process.
 */
export function writeChildScript(targetPath: string): void {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const options: BuildOptions = {
    entryPoints: [fileURLToPath(new URL(`./spectral-host-child.${extension}`, import.meta.url))],
    outfile: targetPath,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    logLevel: 'silent',
  };
  const bundler = createRequire(import.meta.url).resolve('esbuild');
  execFileSync(process.execPath, ['-e', buildAndEnd, bundler, JSON.stringify(options)], {
    env: { ESBUILD_WORKER_THREADS: '0' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  // Whatever our umask: the child reads it under another uid.
  chmodSync(targetPath, 0o644);
}
