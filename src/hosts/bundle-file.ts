// Reads component bundles: their bytes go to host children, their digest tells one build from another.
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { LRUCache } from 'lru-cache';
import { Fault } from '../kernel/fault.ts';

export type Bundle = { readonly source: Buffer; readonly digest: string };

const maxBundleBytes = 16 * 1024 * 1024;
const maxCachedBytes = 64 * 1024 * 1024;

export type BundleReader = (path: string) => Promise<Bundle>;

/** Keeps recent bundles in memory as long as the file keeps its time and size. */
export function createBundleReader(): BundleReader {
  const cache = new LRUCache<string, { readonly bundle: Bundle; readonly version: string }>({
    maxSize: maxCachedBytes,
    sizeCalculation: (entry) => Math.max(1, entry.bundle.source.length),
  });
  return async (path) => {
    const facts = await stat(path).catch((error: unknown) => {
      throw new Fault('not_found', 'The component bundle is not there.', {
        cure: 'Build or publish the component again.',
        detail: path,
        cause: error,
      });
    });
    const version = `${facts.mtimeMs} ${facts.size} ${facts.ino}`;
    const known = cache.get(path);
    if (known?.version === version) return known.bundle;
    if (facts.size > maxBundleBytes) {
      throw new Fault('too_large', `The component bundle has ${facts.size} bytes.`, {
        cure: `At most ${maxBundleBytes} are taken.`,
      });
    }
    const source = await readFile(path);
    const bundle = { source, digest: createHash('sha256').update(source).digest('hex') };
    cache.set(path, { bundle, version });
    return bundle;
  };
}
