// Tenants' keys, unwrapped. One ring per tenant: the key that seals, older keys that still open, and the key of
// fingerprints. Rings are kept for minutes as KeyObjects, outside of V8's heap and its snapshots.
import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import type { Clock } from '../kernel/clock.ts';
import { encodeParts } from '../kernel/encode-parts.ts';
import { Fault } from '../kernel/fault.ts';
import { newId, type TenantId } from '../kernel/ids.ts';
import { createRecentlyUsed } from '../kernel/recently-used.ts';
import type { Tx } from '../storage/doors.ts';
import type { NumberedKey } from './aead.ts';
import type { RootKeys } from './root-key.ts';
import { holdRootKeyShared, readInstallation } from './root-key-store.ts';
import { insertTenantKey, type KeyPurpose, readTenantKeys, type TenantKeyRow } from './tenant-key-store.ts';

export type TenantKeyring = {
  readonly active: NumberedKey;
  readonly sealing: ReadonlyMap<number, NumberedKey>;
  readonly fingerprint: NumberedKey;
};

export type KeyringOptions = {
  readonly rootKeys: RootKeys;
  readonly installation: string;
  readonly clock: Clock;
  /** False while nobody can say whether keys have changed: rings are then read again at each use. */
  readonly isFresh?: () => boolean;
  readonly maxTenants?: number;
  readonly ttlMs?: number;
};

export type Keyring = {
  /** Without asking the database; null when the ring must be loaded. */
  readonly cached: (tenant: TenantId) => TenantKeyring | null;
  /** Null when the tenant never had a key. Throws when its keys were destroyed. */
  readonly load: (tx: Tx, tenant: TenantId) => Promise<TenantKeyring | null>;
  /** Reads the database even if a ring is cached: what was sealed names a key that the ring does not know. */
  readonly reload: (tx: Tx, tenant: TenantId) => Promise<TenantKeyring | null>;
  /** Adds a key in the caller's transaction; does nothing when that number is taken. */
  readonly create: (tx: Tx, tenant: TenantId, key: { purpose: KeyPurpose; keyNo: number }) => Promise<void>;
  /** Every ring is read again before its next use; keys that are still there are not unwrapped again. */
  readonly flush: () => void;
};

type Ring = { readonly keys: TenantKeyring; readonly epoch: number; readonly unwrappedAtMs: number };
type Flight = { readonly epoch: number; readonly ring: Promise<Ring | null> };

const tenantKeyLength = 32;
const defaultMaxTenants = 50_000;
const defaultTtlMs = 600_000;

export function createKeyring(options: KeyringOptions): Keyring {
  const { rootKeys, installation, clock, isFresh = () => true, ttlMs = defaultTtlMs } = options;
  const rings = createRecentlyUsed<TenantId, Ring>(options.maxTenants ?? defaultMaxTenants);
  const flights = new Map<TenantId, Flight>();
  const changed = new WeakSet<Tx>();
  let epoch = 0;

  const known = (tenant: TenantId): Ring | null => {
    const ring = rings.get(tenant);
    if (ring === undefined) return null;
    if (clock.monotonicMs() - ring.unwrappedAtMs <= ttlMs) return ring;
    rings.delete(tenant);
    return null;
  };
  const cached = (tenant: TenantId): TenantKeyring | null => {
    if (!isFresh()) return null;
    const ring = known(tenant);
    return ring !== null && ring.epoch === epoch ? ring.keys : null;
  };

  const read = async (tx: Tx, tenant: TenantId, previous: Ring | null): Promise<Ring | null> => {
    const startedIn = epoch;
    const rows = await readTenantKeys(tx, tenant);
    if (rows.length === 0) return null;
    const unwrappedAtMs = previous?.unwrappedAtMs ?? clock.monotonicMs();
    const keys = await unwrapAll({ rows, tenant, installation, rootKeys, previous: previous?.keys ?? null });
    return { keys, epoch: startedIn, unwrappedAtMs };
  };

  const remember = async (tx: Tx, tenant: TenantId): Promise<Ring | null> => {
    try {
      const ring = await read(tx, tenant, known(tenant));
      if (ring === null) rings.delete(tenant);
      else if ((rings.peek(tenant)?.epoch ?? 0) <= ring.epoch) rings.set(tenant, ring);
      return ring;
    } catch (error) {
      rings.delete(tenant);
      throw error;
    }
  };
  const loadOnce = async (tx: Tx, tenant: TenantId): Promise<TenantKeyring | null> => {
    const running = flights.get(tenant);
    if (running?.epoch === epoch && isFresh()) {
      // The other caller's transaction may fail for reasons of its own; then this one asks for itself.
      const ring = await running.ring.catch(() => null);
      if (ring !== null) return ring.keys;
    }
    const flight = { epoch, ring: remember(tx, tenant) };
    flights.set(tenant, flight);
    try {
      return (await flight.ring)?.keys ?? null;
    } finally {
      if (flights.get(tenant) === flight) flights.delete(tenant);
    }
  };
  // What a transaction that changes keys sees is its own until it commits, and may never be.
  const readForItself = async (tx: Tx, tenant: TenantId): Promise<TenantKeyring | null> =>
    (await read(tx, tenant, null))?.keys ?? null;

  return {
    cached,
    load: async (tx, tenant) => {
      if (changed.has(tx)) return readForItself(tx, tenant);
      return cached(tenant) ?? (await loadOnce(tx, tenant));
    },
    reload: async (tx, tenant) => {
      if (changed.has(tx)) return readForItself(tx, tenant);
      // Never another caller's answer: it may have been read before the key that this one looks for was there.
      return (await remember(tx, tenant))?.keys ?? null;
    },
    create: async (tx, tenant, key) => {
      changed.add(tx);
      await createKey(tx, tenant, key, options);
    },
    flush: () => {
      epoch += 1;
    },
  };
}

async function createKey(
  tx: Tx,
  tenant: TenantId,
  key: { readonly purpose: KeyPurpose; readonly keyNo: number },
  { rootKeys, installation }: KeyringOptions,
): Promise<void> {
  const id = newId<never>();
  const material = randomBytes(tenantKeyLength);
  try {
    const rootKey = await rootKeyInForce(tx, rootKeys);
    const wrapped = await rootKey.wrap(material, wrapAad(installation, tenant, { ...key, id }));
    await insertTenantKey(tx, tenant, { ...key, id, rootKeyId: rootKey.id, wrapped });
  } finally {
    material.fill(0);
  }
}

/** What a wrapped tenant key is bound to: it unwraps nowhere else, and under no other number. */
export function wrapAad(
  installation: string,
  tenant: TenantId,
  key: Pick<TenantKeyRow, 'purpose' | 'keyNo' | 'id'>,
): Buffer {
  return encodeParts(['latchkey/wrap/v1', installation, tenant, key.purpose, String(key.keyNo), key.id]);
}

/** The root key that wrapped a tenant key, or a fault that says which one is missing here. */
export async function rootKeyOf(rootKeys: RootKeys, id: string) {
  const rootKey = await rootKeys.find(id);
  if (rootKey !== null) return rootKey;
  throw new Fault('unavailable', 'A stored secret cannot be opened at the moment.', {
    detail: `root key ${id} is not on this machine`,
  });
}

async function rootKeyInForce(tx: Tx, rootKeys: RootKeys) {
  await holdRootKeyShared(tx);
  const record = (await readInstallation(tx))?.rootKey;
  if (!record) throw new Fault('internal', 'This installation has no root key.');
  return rootKeyOf(rootKeys, record.id);
}

async function unwrapAll(from: {
  readonly rows: readonly TenantKeyRow[];
  readonly tenant: TenantId;
  readonly installation: string;
  readonly rootKeys: RootKeys;
  readonly previous: TenantKeyring | null;
}): Promise<TenantKeyring> {
  const { rows, tenant, installation, rootKeys, previous } = from;
  const sealing = new Map<number, NumberedKey>();
  let active: NumberedKey | null = null;
  let fingerprint: NumberedKey | null = null;
  for (const row of rows) {
    const { wrapped } = row;
    if (wrapped === null) continue;
    const keyId = keyIdOf(row.id);
    const before = row.purpose === 'sealing' ? previous?.sealing.get(row.keyNo) : previous?.fingerprint;
    const key = before?.keyId.equals(keyId) ? before.key : await unwrap({ ...row, wrapped });
    const numbered = { keyId, keyNo: row.keyNo, key };
    if (row.purpose === 'fingerprint') fingerprint = numbered;
    else sealing.set(row.keyNo, numbered);
    if (row.purpose === 'sealing' && row.state === 'active') active = numbered;
  }
  if (active === null || fingerprint === null) throw destroyed();
  return { active, sealing, fingerprint };

  async function unwrap(row: TenantKeyRow & { readonly wrapped: Buffer }): Promise<KeyObject> {
    const rootKey = await rootKeyOf(rootKeys, row.rootKeyId);
    const material = await rootKey.unwrap(row.wrapped, wrapAad(installation, tenant, row));
    try {
      return createSecretKey(material);
    } finally {
      material.fill(0);
    }
  }
}

function destroyed(): Fault {
  return new Fault(
    'gone',
    'The keys of this organization were destroyed; its secrets cannot be opened any more.',
  );
}

/** The 16 bytes of a key's UUID, as they stand in every value that it sealed. */
export function keyIdOf(id: string): Buffer {
  return Buffer.from(id.replaceAll('-', ''), 'hex');
}
