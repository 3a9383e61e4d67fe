// A vault on a test's database, with root keys in a folder of its own; and the least rows that a tenant needs.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { type Clock, systemClock } from '../src/kernel/clock.ts';
import { newId, platformTenantId, type TenantId } from '../src/kernel/ids.ts';
import type { Doors } from '../src/storage/doors.ts';
import type { Keyring } from '../src/vault/keyring.ts';
import { type UnlockedRoot, unlockRoot } from '../src/vault/unlock-root.ts';
import { createVault, type Vault, type VaultOptions } from '../src/vault/vault.ts';

export type TestVault = {
  readonly vault: Vault & { readonly keyring: Keyring };
  readonly root: UnlockedRoot;
  /** Holds root.key. */
  readonly folder: string;
  /** A vault as another process would have it: same keys, nothing remembered. */
  readonly again: (options?: Partial<VaultOptions>) => Vault & { readonly keyring: Keyring };
  readonly remove: () => Promise<void>;
};

export async function openTestVault(doors: Doors, clock: Clock = systemClock): Promise<TestVault> {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-vault-'));
  const root = await unlockRoot({ doors, folder });
  const again = (options: Partial<VaultOptions> = {}) =>
    createVault({ doors, rootKeys: root.rootKeys, installation: root.installation, clock, ...options });
  const vault = again();
  await doors.withTenant(platformTenantId, (tx) => vault.createTenantKey(tx, platformTenantId));
  return { vault, root, folder, again, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** A bare organization: its tenant and unit rows, no key yet. */
export async function newTestTenant(doors: Doors): Promise<TenantId> {
  const tenant = newId<TenantId>();
  await doors.withTenant(tenant, async (tx) => {
    await sql`insert into tenant (id, kind) values (${tenant}, 'organization')`.execute(tx);
    await sql`insert into unit (tenant_id, id, kind, name)
      values (${tenant}, ${tenant}, 'organization', 'Test')`.execute(tx);
  });
  return tenant;
}
