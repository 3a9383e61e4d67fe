// The bytes of a sealed value:
//
//   version 1 | alg 1 | key id 16 | key number 4 | salt 32 | commitment 32 | nonce 12 | ciphertext n | tag 16
//
// 114 bytes more than the plaintext. An unknown version or algorithm is a hard error: nothing to downgrade to.
import { Fault } from '../kernel/fault.ts';

declare const brand: unique symbol;
/** Ciphertext as it stands in the database. Only the vault makes and reads it. */
export type Sealed = Buffer & { readonly [brand]: 'Sealed' };

export type SealedParts = {
  /** As `serialiseHeader` makes it of the key. */
  readonly header: Buffer;
  readonly keyId: Buffer;
  readonly keyNo: number;
  readonly salt: Buffer;
  readonly commitment: Buffer;
  readonly nonce: Buffer;
  readonly ciphertext: Buffer;
  readonly tag: Buffer;
};

const formatVersion = 1;
/** HMAC-SHA512 key derivation with commitment, then AES-256-GCM. */
const algorithm = 1;

export const keyIdLength = 16;
export const saltLength = 32;
const commitmentLength = 32;
export const nonceLength = 12;
export const tagLength = 16;

const keyIdAt = 2;
const keyNoAt = keyIdAt + keyIdLength;
const saltAt = keyNoAt + 4;
const commitmentAt = saltAt + saltLength;
const nonceAt = commitmentAt + commitmentLength;
const ciphertextAt = nonceAt + nonceLength;

/** The part that says which key: `version | alg | key id | key number`. */
const headerLength = saltAt;
export const sealedOverhead = ciphertextAt + tagLength;

export function serialiseHeader(key: { readonly keyId: Buffer; readonly keyNo: number }): Buffer {
  const header = Buffer.alloc(headerLength);
  header.writeUInt8(formatVersion, 0);
  header.writeUInt8(algorithm, 1);
  key.keyId.copy(header, keyIdAt);
  header.writeUInt32BE(key.keyNo, keyNoAt);
  return header;
}

export function serialise(parts: Omit<SealedParts, 'header'>): Sealed {
  const { salt, commitment, nonce, ciphertext, tag } = parts;
  return Buffer.concat([serialiseHeader(parts), salt, commitment, nonce, ciphertext, tag]) as Sealed;
}

/** Which of the tenant's keys opens it. Throws when the bytes are not a sealed value of a known format. */
export function keyNoOf(bytes: Buffer): number {
  if (bytes.length < sealedOverhead) throw unreadable('too short');
  if (bytes.readUInt8(0) !== formatVersion) throw unreadable(`unknown format ${bytes.readUInt8(0)}`);
  if (bytes.readUInt8(1) !== algorithm) throw unreadable(`unknown algorithm ${bytes.readUInt8(1)}`);
  return bytes.readUInt32BE(keyNoAt);
}

/** Cuts the bytes up without copying. Throws when they are not a sealed value of a known format. */
export function parse(bytes: Buffer): SealedParts {
  const keyNo = keyNoOf(bytes);
  const tagAt = bytes.length - tagLength;
  return {
    header: bytes.subarray(0, headerLength),
    keyId: bytes.subarray(keyIdAt, keyNoAt),
    keyNo,
    salt: bytes.subarray(saltAt, commitmentAt),
    commitment: bytes.subarray(commitmentAt, nonceAt),
    nonce: bytes.subarray(nonceAt, ciphertextAt),
    ciphertext: bytes.subarray(ciphertextAt, tagAt),
    tag: bytes.subarray(tagAt),
  };
}

/** A `bytea` column read back. The format is checked when it is opened. */
export function sealedFromColumn(bytes: Uint8Array): Sealed {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) as Sealed;
}

/** One message for every way in which a stored value can be wrong; the reason is for the operator's log. */
export function unreadable(detail: string): Fault {
  return new Fault('internal', 'A stored secret cannot be opened.', { detail: `sealed value: ${detail}` });
}
