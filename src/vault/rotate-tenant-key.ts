// Gives a tenant a new key while everything runs. Values move to it one by one, with unchanged counters: for readers
// and for writers that compare counters nothing happened. The old key opens what is left and goes when nothing is.
//
//   active --rotate--> decrypt_only --nothing sealed with it, an hour old--> destroyed
import { type AuditActor, audit } from '../audit/event.ts';
import { Fault, isFault } from '../kernel/fault.ts';
import type { TenantId } from '../kernel/ids.ts';
import type { Doors, Tx } from '../storage/doors.ts';
import { type Keyring, keyIdOf } from './keyring.ts';
import { sealedFromColumn, serialiseHeader } from './sealed.ts';
import { isSealedWith, lockSealedElsewhere, replaceSealed, type SealedRow } from './sealed-column-store.ts';
import { placeOfRow, type SealedColumn, sealedColumns } from './sealed-columns.ts';
import {
  announceKeyChange,
  destroyRetiredKey,
  readRetiredKeys,
  retireSealingKey,
} from './tenant-key-store.ts';
import type { Vault } from './vault.ts';

type KeyWork = {
  readonly doors: Doors;
  readonly vault: Vault & { readonly keyring: Keyring };
  readonly tenant: TenantId;
};

export type Sweep = {
  readonly resealed: number;
  /** Values that no key opens. They keep their key from being destroyed and are the operator's to look at. */
  readonly unreadable: number;
};

/** A retired key may still be sealing in a process that has not heard of it (3 s) inside a transaction (30 s). */
const minRetiredSeconds = 3600;
const rowsPerBatch = 200;
const columns: readonly SealedColumn[] = Object.values(sealedColumns);

/** A new key seals from now on; then everything is sealed again with it. */
export async function rotateTenantKey(options: KeyWork & { readonly actor: AuditActor }): Promise<Sweep> {
  const { doors, vault, tenant, actor } = options;
  await doors.withTenant(tenant, async (tx) => {
    const retired = await retireSealingKey(tx, tenant);
    if (retired === null)
      throw new Fault(
        'conflict',
        'This organization has no key to rotate, or it is being rotated right now.',
      );
    await vault.keyring.create(tx, tenant, { purpose: 'sealing', keyNo: retired + 1 });
    const object = { kind: 'tenant_key', id: String(retired + 1) };
    await audit(tx, { actor, action: 'tenant_key.rotated', object });
    await announceKeyChange(tx);
  });
  vault.flush();
  return resealTenant(options);
}

/** Seals every value of the tenant with the key that is active now. Safe beside readers and writers, and repeatable. */
export async function resealTenant(work: Omit<KeyWork, 'actor'>): Promise<Sweep> {
  let resealed = 0;
  let unreadable = 0;
  for (const column of columns) {
    let after: SealedRow | null = null;
    do {
      const batch = await resealBatch(work, column, after);
      resealed += batch.resealed;
      unreadable += batch.unreadable;
      after = batch.last;
    } while (after !== null);
  }
  return { resealed, unreadable };
}

type Batch = Sweep & { readonly last: SealedRow | null };

function resealBatch(work: KeyWork, column: SealedColumn, after: SealedRow | null): Promise<Batch> {
  const { doors, vault, tenant } = work;
  return doors.withTenant(tenant, async (tx) => {
    const ring = await vault.keyring.load(tx, tenant);
    if (ring === null) return { resealed: 0, unreadable: 0, last: null };
    const header = serialiseHeader(ring.active);
    const rows = await lockSealedElsewhere(tx, column, { tenant, header, after, limit: rowsPerBatch });
    let resealed = 0;
    let unreadable = 0;
    for (const row of rows) {
      const done = await resealRow(tx, vault, column, row);
      if (done) resealed += 1;
      else unreadable += 1;
    }
    return { resealed, unreadable, last: rows.length < rowsPerBatch ? null : (rows.at(-1) ?? null) };
  });
}

async function resealRow(tx: Tx, vault: Vault, column: SealedColumn, row: SealedRow): Promise<boolean> {
  const place = placeOfRow(column, row);
  try {
    const plain = await vault.open(tx, place, sealedFromColumn(row.sealed));
    try {
      return await replaceSealed(tx, column, row, await vault.seal(tx, place, plain));
    } finally {
      plain.wipe();
    }
  } catch (error) {
    if (isFault(error, 'internal')) return false;
    throw error;
  }
}

/** Destroys retired keys that seal nothing any more; their numbers. */
export async function destroyUnusedKeys(
  options: KeyWork & { readonly actor: AuditActor; readonly minAgeSeconds?: number },
): Promise<readonly number[]> {
  const { doors, vault, tenant, actor, minAgeSeconds = minRetiredSeconds } = options;
  const destroyed = await doors.withTenant(tenant, async (tx) => {
    const gone: number[] = [];
    for (const { keyNo, id } of await readRetiredKeys(tx, tenant, minAgeSeconds)) {
      if (await isUsed(tx, tenant, serialiseHeader({ keyNo, keyId: keyIdOf(id) }))) continue;
      await destroyRetiredKey(tx, tenant, keyNo);
      await audit(tx, {
        actor,
        action: 'tenant_key.destroyed',
        object: { kind: 'tenant_key', id: String(keyNo) },
      });
      gone.push(keyNo);
    }
    if (gone.length > 0) await announceKeyChange(tx);
    return gone;
  });
  vault.flush();
  return destroyed;
}

async function isUsed(tx: Tx, tenant: TenantId, header: Buffer): Promise<boolean> {
  for (const column of columns) {
    if (await isSealedWith(tx, column, { tenant, header })) return true;
  }
  return false;
}
