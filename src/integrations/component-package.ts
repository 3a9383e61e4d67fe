// Packages as files: host processes load them from a path, the store keeps them as bytes. A file is named by the version
// it belongs to, whose bytes never change, so it is written once and then trusted.
import { randomBytes } from 'node:crypto';
import { mkdir, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { notFound } from '../kernel/fault.ts';
import type { TenantId } from '../kernel/ids.ts';
import type { Doors } from '../storage/doors.ts';
import type { ComponentVersion } from './component.ts';
import { selectPackage } from './component-store.ts';

export type ComponentPackages = {
  /** Where the package of a version lies; written there on first use. `tenant` is whose step asks. */
  readonly pathOf: (tenant: TenantId, version: Pick<ComponentVersion, 'tenantId' | 'id'>) => Promise<string>;
};

export function createComponentPackages(deps: {
  readonly doors: Doors;
  readonly folder: string;
}): ComponentPackages {
  const { doors, folder } = deps;
  return {
    pathOf: async (tenant, version) => {
      const path = join(folder, `${version.tenantId}-${version.id}.js`);
      if (await isThere(path)) return path;
      const bytes = await doors.withTenant(tenant, (tx) => selectPackage(tx, version));
      if (bytes === null) throw notFound('Component version');
      await mkdir(folder, { recursive: true, mode: 0o700 });
      // Whole or not at all: another process may write or read the same one.
      const draft = `${path}.${randomBytes(6).toString('hex')}`;
      await writeFile(draft, bytes, { mode: 0o600 });
      await rename(draft, path);
      return path;
    },
  };
}

async function isThere(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
