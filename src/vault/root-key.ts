// The key above all tenant keys. It lives outside the database: a stolen dump opens nothing. Sources (a file today;
// a cloud KMS or Vault transit behind the same two functions) never hand the key itself to the rest of the vault.
import { Fault } from '../kernel/fault.ts';

export type RootKey = {
  /** Says which key wrapped a tenant key; not secret. Differs whenever the key material differs. */
  readonly id: string;
  readonly wrap: (tenantKey: Buffer, aad: Buffer) => Promise<Buffer>;
  /** Throws when `wrapped` was not made by this key for this `aad`. The caller zeroes the answer. */
  readonly unwrap: (wrapped: Buffer, aad: Buffer) => Promise<Buffer>;
  /** A value that only this key gives; stored in the database, so that a wrong key is known before it does harm. */
  readonly checkValue: () => Promise<Buffer>;
};

/** The root keys this process can use. During a rotation there are two; the database says which one is in force. */
export type RootKeys = {
  /** Looks at the source again before it answers null: the key may have been brought here a moment ago. */
  readonly find: (id: string) => Promise<RootKey | null>;
};

/** What the database knows of the root key in force. */
export type RootKeyRecord = { readonly id: string; readonly checkValue: Buffer };

/** Refuses to go on unless the key in force is here and is the right one. Writes nothing. */
export async function proveRootKey(rootKeys: RootKeys, record: RootKeyRecord): Promise<RootKey> {
  const rootKey = await rootKeys.find(record.id);
  if (rootKey === null) {
    throw new Fault('cannot_start', 'The root key that this database was sealed with is not here.', {
      cure: 'Put back the file root.key from your key backup; without it the stored secrets cannot be opened.',
      detail: `root key ${record.id}`,
    });
  }
  if (!(await rootKey.checkValue()).equals(record.checkValue)) {
    throw new Fault('cannot_start', 'The root key does not match this database.', {
      cure: 'Put back the file root.key that belongs to this database.',
      detail: `root key ${record.id}`,
    });
  }
  return rootKey;
}
