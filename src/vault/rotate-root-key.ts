// Puts a new root key in force while everything runs: from one moment on new tenant keys are wrapped by it, then the
// existing ones are wrapped again. Values are not touched. May be stopped anywhere and called again.
//
//   old in force --record replaced--> new in force, both accepted --all rewrapped--> old needed by backups only
import { type AuditActor, audit } from '../audit/event.ts';
import { Fault } from '../kernel/fault.ts';
import { platformTenantId, type TenantId } from '../kernel/ids.ts';
import type { Doors } from '../storage/doors.ts';
import { rootKeyOf, wrapAad } from './keyring.ts';
import type { RootKey, RootKeys } from './root-key.ts';
import {
  createRootKeyFile,
  nextRootKeyFile,
  promoteNextRootKeyFile,
  readRootKeyFile,
} from './root-key-file.ts';
import { holdRootKeyAlone, readInstallation, replaceRootKeyRecord } from './root-key-store.ts';
import { readTenantKeys, rewrapTenantKey, tenantsNotUnderRootKey } from './tenant-key-store.ts';

export type RootRotation = { readonly rootKeyId: string; readonly tenants: number; readonly keys: number };

type Rewrap = {
  readonly doors: Doors;
  readonly rootKeys: RootKeys;
  readonly installation: string;
  readonly next: RootKey;
};

const tenantsPerBatch = 200;
const beforeAll = '00000000-0000-0000-0000-000000000000';

/**
 * With root keys in files: makes `root.key.next` (or takes the one that is there, when other machines had to get it
 * first), rotates, and moves the files into their places.
 */
export async function rotateRootKeyFile(
  options: Omit<Rewrap, 'next'> & { readonly folder: string; readonly actor: AuditActor },
): Promise<RootRotation> {
  const { folder } = options;
  const prepared = await readRootKeyFile(folder, nextRootKeyFile);
  const next = prepared ?? (await createRootKeyFile(folder, nextRootKeyFile));
  const done = await rotateRootKey({ ...options, next });
  await promoteNextRootKeyFile(folder);
  return done;
}

/** `next` must be findable through `rootKeys` in every process before this is called. */
export async function rotateRootKey(options: Rewrap & { readonly actor: AuditActor }): Promise<RootRotation> {
  const { doors, next } = options;
  const record = { id: next.id, checkValue: await next.checkValue() };
  await doors.asOwner(async (tx) => {
    await holdRootKeyAlone(tx);
    const current = (await readInstallation(tx))?.rootKey;
    if (!current) throw new Fault('conflict', 'This installation has no root key yet.');
    await rootKeyOf(options.rootKeys, current.id);
    await replaceRootKeyRecord(tx, record);
  });
  let tenants = 0;
  let keys = 0;
  for (let after: string = beforeAll; ; ) {
    const batch = await doors.asScheduler((tx) =>
      tenantsNotUnderRootKey(tx, next.id, after, tenantsPerBatch),
    );
    for (const tenant of batch) {
      keys += await rewrapTenant(options, tenant);
      tenants += 1;
      after = tenant;
    }
    if (batch.length < tenantsPerBatch) break;
  }
  const left = await doors.asScheduler((tx) => tenantsNotUnderRootKey(tx, next.id, beforeAll, 1));
  if (left.length > 0)
    throw new Fault('conflict', 'Some tenant keys changed meanwhile.', { cure: 'Run it again.' });
  await doors.withTenant(platformTenantId, (tx) =>
    audit(tx, {
      actor: options.actor,
      action: 'root_key.rotated',
      object: { kind: 'root_key', id: next.id },
      detail: { tenants, keys },
    }),
  );
  return { rootKeyId: next.id, tenants, keys };
}

function rewrapTenant({ doors, rootKeys, installation, next }: Rewrap, tenant: TenantId): Promise<number> {
  return doors.withTenant(tenant, async (tx) => {
    let rewrapped = 0;
    for (const row of await readTenantKeys(tx, tenant)) {
      if (row.wrapped === null || row.rootKeyId === next.id) continue;
      const aad = wrapAad(installation, tenant, row);
      const rootKey = await rootKeyOf(rootKeys, row.rootKeyId);
      const material = await rootKey.unwrap(row.wrapped, aad);
      try {
        const wrapped = await next.wrap(material, aad);
        rewrapped += await rewrapTenantKey(tx, tenant, row, { rootKeyId: next.id, wrapped });
      } finally {
        material.fill(0);
      }
    }
    return rewrapped;
  });
}
