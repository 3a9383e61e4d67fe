// Remembers from which inputs something was made. Content, not time: clocks and checkouts move times about.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readIfThere, writeWhole } from './whole-file.mjs';

const left = /^(node_modules|dist|\.git|\.prepare)$/;

export function readStamp(state, name) {
  return readIfThere(join(state, `${name}.stamp`))?.toString() ?? null;
}

export function writeStamp(state, name, fingerprint) {
  mkdirSync(state, { recursive: true });
  writeWhole(join(state, `${name}.stamp`), fingerprint);
}

export function forgetStamp(state, name) {
  rmSync(join(state, `${name}.stamp`), { force: true });
}

/** One hash over the names and bytes of all files in `places` (files or folders of `root`). */
export function fingerprintOf(root, places) {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}\n`);
  for (const path of places.flatMap((place) => filesIn(root, place))) {
    const bytes = readIfThere(join(root, path));
    if (bytes !== null) hash.update(`${path} ${bytes.length}\n`).update(bytes);
  }
  return hash.digest('hex');
}

/** Paths below `root`, sorted, without what others make. A file gives itself. */
export function filesIn(root, place) {
  let entries;
  try {
    entries = readdirSync(join(root, place), { withFileTypes: true });
  } catch (error) {
    if (error.code === 'ENOTDIR') return [place];
    if (error.code === 'ENOENT') return [];
    throw error;
  }
  return entries
    .filter((entry) => !left.test(entry.name))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) =>
      entry.isDirectory() ? filesIn(root, `${place}/${entry.name}`) : [`${place}/${entry.name}`],
    );
}
