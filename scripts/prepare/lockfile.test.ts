import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const { packages } = JSON.parse(
  readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8'),
) as {
  packages: Record<
    string,
    { integrity?: string; link?: boolean; optionalDependencies?: Record<string, string> }
  >;
};

/** Where Node finds `name` from the package at `place`: its own node_modules, or one further out. */
function isFound(place: string, name: string): boolean {
  for (let at = place; ; at = at.slice(0, Math.max(at.lastIndexOf('node_modules/') - 1, 0))) {
    if (`${at === '' ? '' : `${at}/`}node_modules/${name}` in packages) return true;
    if (at === '') return false;
  }
}

test('the lockfile names the binaries of every platform: npm ci refuses one that does not, on every platform', () => {
  const missing = Object.entries(packages).flatMap(([place, entry]) =>
    Object.keys(entry.optionalDependencies ?? {}).filter((name) => !isFound(place, name)),
  );
  expect(missing).toEqual([]);
});

test('the lockfile holds a hash of every package that is fetched', () => {
  const bare = Object.entries(packages).filter(
    ([place, entry]) =>
      place.includes('node_modules/') && entry.link !== true && entry.integrity === undefined,
  );
  expect(bare.map(([place]) => place)).toEqual([]);
});
