// Finds the components that come with the product: each folder with a manifest whose `main` has been built.
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

export type BundledComponent = {
  /** The folder's name; the component's own key is in its definition. */
  readonly folder: string;
  readonly bundlePath: string;
};

const manifest = z.object({ main: z.string().min(1) });

/** Sorted by folder. A folder that is not built (yet) is left out. */
export async function findBundledComponents(root: string): Promise<readonly BundledComponent[]> {
  const folders = await readdir(root, { withFileTypes: true }).catch(ifMissing([]));
  const found: BundledComponent[] = [];
  for (const { name: folder } of folders.filter((one) => one.isDirectory()).sort(byName)) {
    const text = await readFile(join(root, folder, 'package.json'), 'utf8').catch(ifMissing(null));
    const { data } = manifest.safeParse(text === null ? null : JSON.parse(text));
    if (data === undefined) continue;
    const bundlePath = join(root, folder, data.main);
    const file = await stat(bundlePath).catch(ifMissing(null));
    if (file !== null) found.push({ folder, bundlePath });
  }
  return found;
}

function byName(one: { readonly name: string }, other: { readonly name: string }): number {
  return one.name < other.name ? -1 : 1;
}

/** For `catch`: a file that is not there is an answer, anything else an error. */
function ifMissing<T>(value: T): (error: unknown) => T {
  return (error) => {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    if (code === 'ENOENT') return value;
    throw error;
  };
}
