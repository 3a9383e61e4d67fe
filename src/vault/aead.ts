// Authenticated encryption of one value. A key is derived for each encryption, so AES-GCM's limit on random nonces
// (2^32 messages per key, NIST SP 800-38D) is never approached by a tenant that refreshes tokens every hour, and the
// second half of the derivation commits to the key, which GCM alone does not.
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  type KeyObject,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';
import { Plain } from '../kernel/plain.ts';
import {
  nonceLength,
  parse,
  type Sealed,
  saltLength,
  serialise,
  serialiseHeader,
  tagLength,
  unreadable,
} from './sealed.ts';

export type NumberedKey = {
  /** 16 random bytes that name this very key; a re-created key with the same number is another one. */
  readonly keyId: Buffer;
  readonly keyNo: number;
  readonly key: KeyObject;
};

const label = 'latchkey/enc/v1';
const cipher = 'aes-256-gcm';
const encryptionKeyLength = 32;

export type SealOptions = {
  readonly key: NumberedKey;
  readonly aad: Buffer;
  /** Bytes for salt and nonce; only golden vectors pass their own. */
  readonly random?: (length: number) => Buffer;
};

export function sealBytes(plain: Plain, options: SealOptions): Sealed {
  const { key, aad, random = randomBytes } = options;
  const salt = random(saltLength);
  const nonce = random(nonceLength);
  const derived = derive(key.key, salt);
  try {
    const encryption = createCipheriv(cipher, derived.encryptionKey, nonce, { authTagLength: tagLength });
    encryption.setAAD(Buffer.concat([serialiseHeader(key), aad]));
    const ciphertext = Buffer.concat([encryption.update(plain.revealBytes()), encryption.final()]);
    const { commitment } = derived;
    return serialise({ ...key, salt, commitment, nonce, ciphertext, tag: encryption.getAuthTag() });
  } finally {
    derived.bytes.fill(0);
  }
}

/** Throws one and the same fault for a wrong key, a wrong place and any changed bit. */
export function openBytes(sealed: Sealed, options: Pick<SealOptions, 'key' | 'aad'>): Plain {
  const { key, aad } = options;
  const parts = parse(sealed);
  if (parts.keyNo !== key.keyNo || !parts.keyId.equals(key.keyId)) throw unreadable('another key');
  const derived = derive(key.key, parts.salt);
  try {
    if (!timingSafeEqual(derived.commitment, parts.commitment)) throw unreadable('key commitment differs');
    // Without authTagLength Node accepts tags of 4 bytes, which 2^32 guesses forge.
    const decryption = createDecipheriv(cipher, derived.encryptionKey, parts.nonce, {
      authTagLength: tagLength,
    });
    decryption.setAAD(Buffer.concat([parts.header, aad])).setAuthTag(parts.tag);
    const bytes = decryption.update(parts.ciphertext);
    try {
      decryption.final();
    } catch {
      bytes.fill(0);
      throw unreadable('changed, or not of this place');
    }
    return Plain.fromBytes(bytes);
  } finally {
    derived.bytes.fill(0);
  }
}

// One HMAC-SHA512 block gives both halves; HKDF would cost twice the time for the same 64 bytes.
function derive(key: KeyObject, salt: Buffer) {
  const bytes = createHmac('sha512', key).update(label).update(salt).digest();
  return {
    bytes,
    encryptionKey: bytes.subarray(0, encryptionKeyLength),
    commitment: bytes.subarray(encryptionKeyLength),
  };
}
