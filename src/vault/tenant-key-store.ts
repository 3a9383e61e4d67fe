// Statements on tenants' wrapped keys. `tx` is a transaction of that tenant unless a function says otherwise.
import { sql } from 'kysely';
import type { TenantId } from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';

export type KeyPurpose = 'sealing' | 'fingerprint';
export type TenantKeyState = 'active' | 'decrypt_only' | 'destroyed';

export type TenantKeyRow = {
  readonly purpose: KeyPurpose;
  readonly keyNo: number;
  readonly id: string;
  readonly state: TenantKeyState;
  readonly rootKeyId: string;
  readonly wrapped: Buffer | null;
  readonly retiredAt: Date | null;
};

/** Also reads the platform's keys from any tenant's transaction. */
export async function readTenantKeys(tx: Tx, tenant: TenantId): Promise<readonly TenantKeyRow[]> {
  const { rows } = await sql<TenantKeyRow>`
    select purpose, key_no as "keyNo", id, state, root_key_id as "rootKeyId", wrapped, retired_at as "retiredAt"
    from tenant_key where tenant_id = ${tenant} order by purpose, key_no`.execute(tx);
  return rows;
}

/** Does nothing when the number is taken: another transaction made the same key first. */
export async function insertTenantKey(
  tx: Tx,
  tenant: TenantId,
  key: Pick<TenantKeyRow, 'purpose' | 'keyNo' | 'id' | 'rootKeyId'> & { readonly wrapped: Buffer },
): Promise<void> {
  await sql`
    insert into tenant_key (tenant_id, purpose, key_no, id, state, root_key_id, wrapped)
    values (${tenant}, ${key.purpose}, ${key.keyNo}, ${key.id}, 'active', ${key.rootKeyId}, ${key.wrapped})
    on conflict (tenant_id, purpose, key_no) do nothing`.execute(tx);
}

/** The key that seals now becomes one that only opens. Waits for a rotation of the same tenant that is under way. */
export async function retireSealingKey(tx: Tx, tenant: TenantId): Promise<number | null> {
  const { rows } = await sql<{ keyNo: number }>`
    update tenant_key set state = 'decrypt_only', retired_at = clock_timestamp(), updated_at = clock_timestamp()
    where tenant_id = ${tenant} and purpose = 'sealing' and state = 'active' returning key_no as "keyNo"`.execute(
    tx,
  );
  return rows[0]?.keyNo ?? null;
}

/** Retired sealing keys that no running transaction can still be sealing with. */
export async function readRetiredKeys(
  tx: Tx,
  tenant: TenantId,
  minAgeSeconds: number,
): Promise<readonly { readonly keyNo: number; readonly id: string }[]> {
  const { rows } = await sql<{ keyNo: number; id: string }>`
    select key_no as "keyNo", id from tenant_key
    where tenant_id = ${tenant} and purpose = 'sealing' and state = 'decrypt_only'
      and retired_at <= clock_timestamp() - make_interval(secs => ${minAgeSeconds})
    order by key_no`.execute(tx);
  return rows;
}

export async function destroyRetiredKey(tx: Tx, tenant: TenantId, keyNo: number): Promise<void> {
  await sql`
    update tenant_key set state = 'destroyed', wrapped = null, updated_at = clock_timestamp()
    where tenant_id = ${tenant} and purpose = 'sealing' and key_no = ${keyNo} and state = 'decrypt_only'`.execute(
    tx,
  );
}

export async function destroyTenantKeys(tx: Tx, tenant: TenantId): Promise<number> {
  const result = await sql`
    update tenant_key set state = 'destroyed', wrapped = null, updated_at = clock_timestamp(),
      retired_at = coalesce(retired_at, clock_timestamp())
    where tenant_id = ${tenant} and state <> 'destroyed'`.execute(tx);
  return Number(result.numAffectedRows ?? 0);
}

export async function markTenantShredded(tx: Tx, tenant: TenantId): Promise<void> {
  await sql`
    update tenant set shredded_at = coalesce(shredded_at, clock_timestamp()) where id = ${tenant}`.execute(
    tx,
  );
}

/** Exchanges the wrapping and nothing else; does nothing when the row changed since it was read. */
export async function rewrapTenantKey(
  tx: Tx,
  tenant: TenantId,
  key: Pick<TenantKeyRow, 'purpose' | 'keyNo' | 'wrapped'>,
  next: { readonly rootKeyId: string; readonly wrapped: Buffer },
): Promise<number> {
  const result = await sql`
    update tenant_key set root_key_id = ${next.rootKeyId}, wrapped = ${next.wrapped}, updated_at = clock_timestamp()
    where tenant_id = ${tenant} and purpose = ${key.purpose} and key_no = ${key.keyNo}
      and wrapped = ${key.wrapped}`.execute(tx);
  return Number(result.numAffectedRows ?? 0);
}

/** `tx` is the scheduler's. Tenants after `after` with a key under another root key than the given one. */
export async function tenantsNotUnderRootKey(
  tx: Tx,
  rootKeyId: string,
  after: string,
  limit: number,
): Promise<readonly TenantId[]> {
  const { rows } = await sql<{ tenantId: TenantId }>`
    select distinct tenant_id as "tenantId" from tenant_key
    where root_key_id <> ${rootKeyId} and state <> 'destroyed' and tenant_id > ${after}
    order by tenant_id limit ${limit}`.execute(tx);
  return rows.map((row) => row.tenantId);
}

/** `tx` is the scheduler's. Tenants after `after` with a key that only opens. */
export async function tenantsWithRetiredKeys(
  tx: Tx,
  after: string,
  limit: number,
): Promise<readonly TenantId[]> {
  const { rows } = await sql<{ tenantId: TenantId }>`
    select distinct tenant_id as "tenantId" from tenant_key
    where state = 'decrypt_only' and tenant_id > ${after} order by tenant_id limit ${limit}`.execute(tx);
  return rows.map((row) => row.tenantId);
}

/** Tells every process to look at keys again: they probe this number each second. */
export async function announceKeyChange(tx: Tx): Promise<void> {
  await sql`update authority set no = no + 1`.execute(tx);
}
