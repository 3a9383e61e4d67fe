// Makes all secrets of a tenant unreadable at once by destroying its keys. They are irrecoverable when the last backup
// that holds the wrapped keys is gone as well; in running processes within 3 s.
import { type AuditActor, audit } from '../audit/event.ts';
import { Fault } from '../kernel/fault.ts';
import { platformTenantId, type TenantId } from '../kernel/ids.ts';
import type { Doors } from '../storage/doors.ts';
import { announceKeyChange, destroyTenantKeys, markTenantShredded } from './tenant-key-store.ts';
import type { Vault } from './vault.ts';

/** The number of keys destroyed; 0 when it was done before. No key is ever made for this tenant again. */
export async function shredTenant(options: {
  readonly doors: Doors;
  readonly vault: Vault;
  readonly tenant: TenantId;
  readonly actor: AuditActor;
}): Promise<number> {
  const { doors, vault, tenant, actor } = options;
  if (tenant === platformTenantId) throw new Fault('forbidden', 'The platform itself cannot be shredded.');
  const keys = await doors.withTenant(tenant, async (tx) => {
    const destroyed = await destroyTenantKeys(tx, tenant);
    if (destroyed === 0) return 0;
    await markTenantShredded(tx, tenant);
    await audit(tx, {
      actor,
      action: 'tenant.shredded',
      object: { kind: 'tenant', id: tenant },
      detail: { keys: destroyed },
    });
    await announceKeyChange(tx);
    return destroyed;
  });
  vault.flush();
  return keys;
}
