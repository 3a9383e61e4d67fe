// Brings the components that come with the product into the store. Cheap when nothing changed: the bundles are read and
// their signatures compared; only a new one is started, to ask what it is.
import { readFile } from 'node:fs/promises';
import { type BundledComponent, findBundledComponents } from '../hosts/bundled-components.ts';
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
  const found: (BundledComponent & { readonly signature: string })[] = [];
  // One after the other: together they are larger than everything else that a start holds.
  for (const one of await findBundledComponents(options.folder)) {
    found.push({ ...one, signature: signatureOf(await readFile(one.bundlePath)) });
  }
  const known = await doors.withTenant(platformTenantId, (tx) =>
    selectKnownSignatures(
      tx,
      found.map(({ signature }) => signature),
    ),
  );
  const described = await Promise.all(
    found
      .filter(({ signature }) => !known.has(signature))
      .map(async ({ folder, bundlePath }) => {
        try {
          return { definition: await pool.describe(bundlePath), bundle: await readFile(bundlePath) };
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
