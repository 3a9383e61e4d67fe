// What the S3 stand-in keeps under a key.
import type { Checksum } from './s3-checksum.ts';

export type StoredObject = {
  readonly bytes: Buffer;
  readonly etag: string;
  readonly modified: Date;
  /** Sent back with the object: content-type, x-amz-meta-... */
  readonly headers: Readonly<Record<string, string>>;
  readonly checksums: readonly Checksum[];
};
