// Which files of dist/bin belong to which build. A server that still runs asks for chunks of the build that it was started
// from, perhaps days later, so what newer builds no longer have stays for some of them.
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readRecord, writeWhole } from './whole-file.mjs';

const list = 'made.json';

/** That differ from each other: a build without a change counts for nothing. */
const mostBuilds = 10;

export function isBuilt(folder) {
  const [newest] = buildsIn(folder);
  return newest?.every((name) => existsSync(join(folder, name))) ?? false;
}

/**
 * Puts a build in use: `files` with name and contents, the one that starts it last. It is listed before it is written and
 * others are removed when it is there, so there is no moment at which a file is on disk and in no list. Source maps are
 * large and only read by those who ask for them: older builds do without.
 */
export function putBuild(folder, files) {
  mkdirSync(folder, { recursive: true });
  const made = files.map(({ name }) => name).toSorted();
  const builds = [made, ...olderBuilds(folder).filter((one) => String(one) !== String(made))];
  const kept = builds.slice(0, mostBuilds);
  writeWhole(join(folder, list), JSON.stringify(kept));
  for (const { name, contents, mode } of files) writeWhole(join(folder, name), contents, mode);
  const older = kept.slice(1).flat();
  const names = new Set([list, ...made, ...older.filter((name) => !name.endsWith('.map'))]);
  for (const name of readdirSync(folder)) if (!names.has(name)) rmSync(join(folder, name));
}

/** Newest first. */
function buildsIn(folder) {
  const builds = readRecord(join(folder, list));
  return Array.isArray(builds) && builds.every(Array.isArray) ? builds : [];
}

/** Without a list that can be read, all that is there may be in use. */
function olderBuilds(folder) {
  const builds = buildsIn(folder);
  return builds.length > 0 ? builds : [readdirSync(folder).filter((name) => name !== list)];
}
