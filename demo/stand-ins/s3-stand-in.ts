// The S3 stand-in: objects in memory behind S3's path-style REST API. Nothing is looked up before the signature holds.
import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '../../src/kernel/clock.ts';
import { createLedger, fingerprint, type Ledger } from './ledger.ts';
import { type LoopbackAnswer, type LoopbackRequest, startLoopbackServer } from './loopback-server.ts';
import type { Checksum } from './s3-checksum.ts';
import { listObjects } from './s3-listing.ts';
import type { StoredObject } from './s3-object.ts';
import { readPayload } from './s3-payload.ts';
import { refusalXml, S3Refusal } from './s3-refusal.ts';
import {
  headerOf,
  percentDecode,
  queryPairs,
  type VerifiedSignature,
  verifySignature,
} from './s3-signature.ts';

export type S3StandInOptions = {
  readonly clock: Clock;
  readonly region: string;
  readonly buckets: readonly string[];
  readonly accessKeys: readonly { readonly accessKeyId: string; readonly secretAccessKey: string }[];
};

export type S3StandIn = {
  /** An endpoint for `forcePathStyle: true`. */
  readonly url: string;
  readonly ledger: Ledger;
  /** What is stored, without asking over the wire: for those who judge. */
  readonly objectAt: (bucket: string, key: string) => StoredObject | null;
  readonly close: () => Promise<void>;
};

type Bucket = Map<string, StoredObject>;
type Call = {
  readonly request: LoopbackRequest;
  readonly query: ReadonlyMap<string, string>;
  readonly bucketName: string;
  readonly bucket: Bucket;
  readonly key: string;
  readonly verified: VerifiedSignature;
  readonly now: Date;
};

const maxKeyBytes = 1024;
const keptHeaders = /^(content-(type|disposition|language)|cache-control|expires|x-amz-meta-.+)$/;
/** Every SDK adds x-id for its own logs; it selects nothing. */
const listParameters = new Set([
  'list-type',
  'prefix',
  'delimiter',
  'max-keys',
  'continuation-token',
  'start-after',
  'encoding-type',
  'fetch-owner',
  'x-id',
]);

export async function startS3StandIn(options: S3StandInOptions): Promise<S3StandIn> {
  const ledger = createLedger(options.clock);
  const buckets = new Map<string, Bucket>(options.buckets.map((name) => [name, new Map()]));
  const server = await startLoopbackServer({
    name: 'Latchkey S3 stand-in',
    maxBodyBytes: 64 * 1024 * 1024,
    handle: (request) => {
      const requestId = randomBytes(8).toString('hex').toUpperCase();
      const reply = answer(request, requestId, buckets, options);
      const claimed = /Credential=([^/,\s]+)/.exec(headerOf(request, 'authorization') ?? '')?.[1];
      ledger.record({
        operation: request.method,
        path: request.path,
        fingerprint: claimed === undefined ? null : fingerprint(claimed),
        status: reply.status,
        refusal: reply.refusal,
      });
      return { ...reply, headers: { 'x-amz-request-id': requestId, ...reply.headers } };
    },
  });
  return {
    url: server.url,
    ledger,
    objectAt: (bucket, key) => buckets.get(bucket)?.get(key) ?? null,
    close: server.close,
  };
}

function answer(
  request: LoopbackRequest,
  requestId: string,
  buckets: ReadonlyMap<string, Bucket>,
  options: S3StandInOptions,
): LoopbackAnswer & { readonly refusal: string | null } {
  try {
    return { ...serve(request, buckets, options), refusal: null };
  } catch (error) {
    if (!(error instanceof S3Refusal)) throw error;
    return {
      status: error.status,
      headers: { 'content-type': 'application/xml' },
      // An answer to HEAD has no body; the SDK reads the status alone.
      body: request.method === 'HEAD' ? '' : refusalXml(error, request.path, requestId),
      refusal: error.code,
    };
  }
}

function serve(
  request: LoopbackRequest,
  buckets: ReadonlyMap<string, Bucket>,
  options: S3StandInOptions,
): LoopbackAnswer {
  const now = options.clock.now();
  const secretOf = (id: string) =>
    options.accessKeys.find((key) => key.accessKeyId === id)?.secretAccessKey ?? null;
  const verified = verifySignature(request, { region: options.region, secretOf, now });
  const payload = readPayload(request, request.body, verified);
  const [, bucketName = '', ...keyParts] = request.path.split('/').map(percentDecode);
  const key = keyParts.join('/');
  if (bucketName === '') throw new S3Refusal('NotImplemented');
  const bucket = buckets.get(bucketName);
  if (bucket === undefined) throw new S3Refusal('NoSuchBucket', { facts: { BucketName: bucketName } });
  if (Buffer.byteLength(key) > maxKeyBytes) throw new S3Refusal('KeyTooLongError');
  const query = new Map(queryPairs(request.query));
  const call = { request, query, bucketName, bucket, key, verified, now };
  if (key === '') return serveBucket(call);
  // ?acl, ?tagging, ?uploadId ...: other operations under the same verbs, which must not pass for these.
  if ([...query.keys()].some((name) => name !== 'x-id')) throw new S3Refusal('NotImplemented');
  switch (request.method) {
    case 'PUT':
      return putObject(call, payload);
    case 'GET':
    case 'HEAD':
      return readObject(call);
    case 'DELETE':
      bucket.delete(key);
      return { status: 204 };
    default:
      throw new S3Refusal('MethodNotAllowed');
  }
}

function serveBucket(call: Call): LoopbackAnswer {
  if (call.request.method === 'HEAD') return { status: 200 };
  const isListing = call.request.method === 'GET' && call.query.get('list-type') === '2';
  const isKnown = [...call.query.keys()].every((name) => listParameters.has(name));
  if (!isListing || !isKnown) throw new S3Refusal('NotImplemented');
  return {
    status: 200,
    headers: { 'content-type': 'application/xml' },
    body: listObjects(call.bucketName, call.bucket, call.query),
  };
}

function putObject(call: Call, payload: ReturnType<typeof readPayload>): LoopbackAnswer {
  const { request, bucket, key, now } = call;
  for (const name of ['x-amz-copy-source', 'if-match', 'if-none-match']) {
    if (headerOf(request, name) !== null) throw new S3Refusal('NotImplemented', { facts: { Header: name } });
  }
  const etag = `"${createHash('md5').update(payload.bytes).digest('hex')}"`;
  const kept = request.headers.filter(([name]) => keptHeaders.test(name));
  // aws-chunked is how the body travelled, not how the object is encoded.
  const encodings = (headerOf(request, 'content-encoding') ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== 'aws-chunked');
  if (encodings.length > 0) kept.push(['content-encoding', encodings.join(',')]);
  bucket.set(key, {
    bytes: payload.bytes,
    etag,
    // S3's times have no fraction of a second.
    modified: new Date(Math.floor(now.getTime() / 1000) * 1000),
    headers: { 'content-type': 'binary/octet-stream', ...Object.fromEntries(kept) },
    checksums: payload.checksums,
  });
  return { status: 200, headers: { etag, ...checksumHeaders(payload.checksums) } };
}

function readObject({ request, bucket, key }: Call): LoopbackAnswer {
  const object = bucket.get(key);
  if (object === undefined) throw new S3Refusal('NoSuchKey', { facts: { Key: key } });
  const wantsChecksum = (headerOf(request, 'x-amz-checksum-mode') ?? '').toUpperCase() === 'ENABLED';
  return {
    status: 200,
    headers: {
      ...object.headers,
      ...(wantsChecksum ? checksumHeaders(object.checksums) : {}),
      'content-length': String(object.bytes.length),
      etag: object.etag,
      'last-modified': object.modified.toUTCString(),
    },
    body: request.method === 'HEAD' ? '' : object.bytes,
  };
}

function checksumHeaders(checksums: readonly Checksum[]): Record<string, string> {
  const pairs = checksums.map(({ algorithm, value }) => [`x-amz-checksum-${algorithm}`, value]);
  return checksums.length === 0 ? {} : { ...Object.fromEntries(pairs), 'x-amz-checksum-type': 'FULL_OBJECT' };
}
