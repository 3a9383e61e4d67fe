// Seals and opens values. The only room that holds keys; others see `Plain` on one side and `Sealed` on the other.
import { createHmac } from 'node:crypto';
import type { Clock } from '../kernel/clock.ts';
import { encodeParts } from '../kernel/encode-parts.ts';
import type { TenantId } from '../kernel/ids.ts';
import type { Plain } from '../kernel/plain.ts';
import type { Doors, Tx } from '../storage/doors.ts';
import { openBytes, sealBytes } from './aead.ts';
import { createKeyring, type Keyring, type TenantKeyring } from './keyring.ts';
import { encodePlace, type Place } from './place.ts';
import type { RootKeys } from './root-key.ts';
import { keyNoOf, type Sealed, unreadable } from './sealed.ts';

export type Vault = {
  /** `tx` is asked for the tenant's key only when it is not remembered. Makes the first key of a new tenant. */
  readonly seal: (tx: Tx, place: Place, plain: Plain) => Promise<Sealed>;
  /**
   * Seals under the key that the tenant has now, later and without asking anybody: for answers that must be kept when
   * the database is away.
   */
  readonly sealer: (tx: Tx, tenant: TenantId) => Promise<Sealer>;
  /** Throws one fault for a changed value, a value of another place and a wrong key; `gone` after shredding. */
  readonly open: (tx: Tx, place: Place, sealed: Sealed) => Promise<Plain>;
  /** For the hot path: null when the tenant's key is not remembered, then `warm` or `open` it. */
  readonly openCached: (place: Place, sealed: Sealed) => Plain | null;
  /** Loads a tenant's keys in a transaction of its own. */
  readonly warm: (tenant: TenantId) => Promise<void>;
  /**
   * 32 bytes that are equal for equal texts of one tenant and label, and say nothing to whoever lacks the key.
   * They stay the same when keys rotate.
   */
  readonly fingerprint: (tx: Tx, tenant: TenantId, label: string, text: string) => Promise<Buffer>;
  /** In the transaction that makes the tenant. May be called again; a destroyed key is not made anew. */
  readonly createTenantKey: (tx: Tx, tenant: TenantId) => Promise<void>;
  /** To be called when authority has changed anywhere: keys are looked at again before their next use. */
  readonly flush: () => void;
};

/** For places of the one tenant it was made for. */
export type Sealer = (place: Place, plain: Plain) => Sealed;

export type VaultOptions = {
  readonly doors: Doors;
  readonly rootKeys: RootKeys;
  /** The installation's id, which every seal is bound to. */
  readonly installation: string;
  readonly clock: Clock;
  /** False while changes of keys could be missed (the authority probe fails). */
  readonly isFresh?: () => boolean;
  readonly maxTenants?: number;
  readonly ttlMs?: number;
};

/** The vault and, for the operator's functions of this room, its keyring. */
export function createVault(options: VaultOptions): Vault & { readonly keyring: Keyring } {
  const { doors, installation } = options;
  const keyring = createKeyring(options);

  const createTenantKey = async (tx: Tx, tenant: TenantId): Promise<void> => {
    await keyring.create(tx, tenant, { purpose: 'sealing', keyNo: 1 });
    await keyring.create(tx, tenant, { purpose: 'fingerprint', keyNo: 1 });
  };
  const ringOf = async (tx: Tx, tenant: TenantId): Promise<TenantKeyring> => {
    const ring = await keyring.load(tx, tenant);
    if (ring !== null) return ring;
    await createTenantKey(tx, tenant);
    const made = await keyring.load(tx, tenant);
    if (made === null) throw unreadable('no key');
    return made;
  };

  return {
    keyring,
    createTenantKey,
    seal: async (tx, place, plain) => {
      const { active } = await ringOf(tx, place.tenant);
      return sealBytes(plain, { key: active, aad: encodePlace(installation, place) });
    },
    sealer: async (tx, tenant) => {
      const { active } = await ringOf(tx, tenant);
      return (place, plain) => {
        if (place.tenant !== tenant) throw new TypeError('a sealer seals for its own tenant');
        return sealBytes(plain, { key: active, aad: encodePlace(installation, place) });
      };
    },
    open: async (tx, place, sealed) => {
      const keyNo = keyNoOf(sealed);
      let ring = await keyring.load(tx, place.tenant);
      if (ring !== null && !ring.sealing.has(keyNo)) ring = await keyring.reload(tx, place.tenant);
      const key = ring?.sealing.get(keyNo);
      if (key === undefined) throw unreadable(`key ${keyNo} is not there`);
      return openBytes(sealed, { key, aad: encodePlace(installation, place) });
    },
    openCached: (place, sealed) => {
      const key = keyring.cached(place.tenant)?.sealing.get(keyNoOf(sealed));
      return key === undefined ? null : openBytes(sealed, { key, aad: encodePlace(installation, place) });
    },
    warm: async (tenant) => {
      await doors.withTenant(tenant, (tx) => keyring.load(tx, tenant));
    },
    fingerprint: async (tx, tenant, label, text) => {
      const { fingerprint } = await ringOf(tx, tenant);
      // As bytes: a provider's account name may be text that is not valid Unicode.
      const parts = encodeParts(['latchkey/fingerprint/v1', label, Buffer.from(text, 'utf8')]);
      return createHmac('sha256', fingerprint.key).update(parts).digest();
    },
    flush: keyring.flush,
  };
}
