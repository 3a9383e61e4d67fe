// Brings the components that come with the product into the store. Cheap when nothing changed: the bundles are read and
// their digests compared; only a new one is started, to ask what it is.
import { readFile } from 'node:fs/promises';
import { findBundledComponents } from '../hosts/bundled-components.ts';
import type { HostPool } from '../hosts/pool.ts';
import { platformTenantId, platformUnitId } from '../kernel/ids.ts';
import { errorFields, type Log } from '../kernel/log.ts';
import type { Doors } from '../storage/doors.ts';
import { signatureOf, storeComponentVersion } from './component.ts';
import { selectKnownSignatures } from './component-store.ts';

/** How many versions are new. A bundle that cannot be described is told to the log and left out. */
export async function registerBundledComponents(options: {
  readonly doors: Doors;
  readonly pool: Pick<HostPool, 'describe'>;
  readonly log: Log;
  readonly folder: string;
}): Promise<number> {
  const { doors, pool, log } = options;
  const found = await findBundledComponents(options.folder);
  const bundles = await Promise.all(
    found.map(async ({ folder, bundlePath }) => {
      const bundle = await readFile(bundlePath);
      return { folder, bundlePath, bundle, signature: signatureOf(bundle) };
    }),
  );
  const known = await doors.withTenant(platformTenantId, (tx) =>
    selectKnownSignatures(
      tx,
      bundles.map(({ signature }) => signature),
    ),
  );
  const described = await Promise.all(
    bundles
      .filter(({ signature }) => !known.has(signature))
      .map(async ({ folder, bundlePath, bundle }) => {
        try {
          return { definition: await pool.describe(bundlePath), bundle };
        } catch (error) {
          log.error('a bundled component cannot be used', { folder, ...errorFields(error) });
          return null;
        }
      }),
  );
  let stored = 0;
  for (const component of described) {
    if (component === null) continue;
    const result = await doors.withTenant(platformTenantId, (tx) =>
      storeComponentVersion({
        tx,
        actor: null,
        tenant: platformTenantId,
        unitId: platformUnitId,
        isPublic: true,
        ...component,
      }),
    );
    if (result === 'stored') stored += 1;
  }
  return stored;
}
