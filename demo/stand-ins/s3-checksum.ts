// The checksums that S3 stores beside an object: https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

export const checksumNames = ['crc32', 'crc32c', 'crc64nvme', 'sha1', 'sha256'] as const;
export type ChecksumName = (typeof checksumNames)[number];
export type Checksum = { readonly algorithm: ChecksumName; readonly value: string };

/** Base64 of the digest, CRCs big-endian, as the x-amz-checksum- headers carry it. */
export function digestOf(algorithm: ChecksumName, bytes: Buffer): string {
  switch (algorithm) {
    case 'crc32':
      return bigEndian(BigInt(crc32(bytes)), 4);
    case 'crc32c':
      return bigEndian(reflectedCrc(bytes, castagnoli), 4);
    case 'crc64nvme':
      return bigEndian(reflectedCrc(bytes, nvme), 8);
    case 'sha1':
    case 'sha256':
      return createHash(algorithm).update(bytes).digest('base64');
  }
}

type CrcTable = { readonly remainders: readonly bigint[]; readonly mask: bigint };

const castagnoli = crcTable(0x82f63b78n, 32n);
const nvme = crcTable(0x9a6c9329ac4bc9b5n, 64n);

/** For a polynomial written with its lowest power first, as both standards compute it. */
function crcTable(polynomial: bigint, width: bigint): CrcTable {
  const remainders = Array.from({ length: 256 }, (_, byte) => {
    let remainder = BigInt(byte);
    for (let bit = 0; bit < 8; bit += 1) {
      remainder = (remainder >> 1n) ^ (remainder & 1n ? polynomial : 0n);
    }
    return remainder;
  });
  return { remainders, mask: (1n << width) - 1n };
}

function reflectedCrc(bytes: Buffer, { remainders, mask }: CrcTable): bigint {
  let crc = mask;
  for (const byte of bytes) crc = (crc >> 8n) ^ (remainders[Number(crc & 255n) ^ byte] ?? 0n);
  return crc ^ mask;
}

function bigEndian(value: bigint, length: number): string {
  return Buffer.from(value.toString(16).padStart(length * 2, '0'), 'hex').toString('base64');
}
