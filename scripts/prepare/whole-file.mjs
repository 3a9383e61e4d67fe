// Files that are whole or not there: whoever is killed, or finds the disk full, while writing one leaves the old one.
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { Trouble } from './trouble.mjs';

/** The name beside it has our number: an orphan of a killed start may be writing the same file. */
export function writeWhole(path, content, mode = 0o666) {
  const beside = `${path}.${process.pid}`;
  try {
    writeFileSync(beside, content, { mode });
    renameSync(beside, path);
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  }
}

export function readIfThere(path) {
  try {
    return readFileSync(path);
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
    throw error;
  }
}

/** JSON that we or npm made: what cannot be read is as good as absent, and is made again. */
export function readRecord(path) {
  try {
    return JSON.parse(readIfThere(path)?.toString() ?? 'null');
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** JSON that only the repository has; null where there is none. */
export function readSource(path) {
  const bytes = readIfThere(path);
  try {
    return bytes === null ? null : JSON.parse(bytes.toString());
  } catch {
    throw new Trouble(`${path} is not JSON: restore it from the repository.`);
  }
}
