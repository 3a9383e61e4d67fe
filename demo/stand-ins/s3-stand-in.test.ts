import { Readable } from 'node:stream';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
} from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/kernel/clock.ts';
import { type S3StandIn, startS3StandIn } from './s3-stand-in.ts';

// The judge is Amazon's own client: what it signs must hold, what is changed behind its back must not.

const keys = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'the-right-secret-of-this-test' };
const Bucket = 'hooli-addresses';
let offsetMs = 0;
let s3: S3StandIn;

beforeEach(async () => {
  offsetMs = 0;
  s3 = await startS3StandIn({
    clock: { ...systemClock, now: () => new Date(systemClock.now().getTime() + offsetMs) },
    region: 'eu-west-3',
    buckets: [Bucket],
    accessKeys: [keys],
  });
});
afterEach(() => s3.close());

const clientWith = (config: S3ClientConfig = {}) =>
  new S3Client({
    endpoint: s3.url,
    region: 'eu-west-3',
    forcePathStyle: true,
    credentials: keys,
    maxAttempts: 1,
    ...config,
  });

type Wire = {
  method: string;
  path: string;
  headers: Record<string, string>;
  query: Record<string, string>;
  body: unknown;
};

/** Lets a test see or change what the client has signed, just before it goes out. */
function onTheWire(client: S3Client, change: (request: Wire) => void): S3Client {
  client.middlewareStack.add(
    (next) => (args) => {
      change(args.request as Wire);
      return next(args);
    },
    { step: 'deserialize', priority: 'low', name: 'onTheWire' },
  );
  return client;
}

describe('the S3 stand-in, asked by the real client', () => {
  it('keeps an object with its type and metadata, and gives it back byte for byte', async () => {
    const client = clientWith();
    const Body = Buffer.from('5 Avenue Anatole France, 75007 Paris, France\n');
    const Key = 'photos/tower (1)+é.txt';
    const put = await client.send(
      new PutObjectCommand({ Bucket, Key, Body, ContentType: 'text/plain', Metadata: { source: 'dropbox' } }),
    );
    expect(s3.objectAt(Bucket, Key)?.bytes.equals(Body)).toBe(true);
    const got = await client.send(new GetObjectCommand({ Bucket, Key }));
    expect(await got.Body?.transformToString()).toBe(Body.toString());
    expect(got).toMatchObject({ ContentType: 'text/plain', Metadata: { source: 'dropbox' }, ETag: put.ETag });
    expect(got.ChecksumCRC32).toBe(put.ChecksumCRC32);
    const head = await client.send(new HeadObjectCommand({ Bucket, Key }));
    expect(head).toMatchObject({ ContentLength: Body.length, ETag: put.ETag });
    await client.send(new DeleteObjectCommand({ Bucket, Key }));
    await expect(client.send(new GetObjectCommand({ Bucket, Key }))).rejects.toMatchObject({
      name: 'NoSuchKey',
    });
    await expect(client.send(new HeadObjectCommand({ Bucket, Key }))).rejects.toMatchObject({
      name: 'NotFound',
    });
  });

  it.each(['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const)(
    'agrees with the client on %s, of a buffer and of a stream',
    async (ChecksumAlgorithm) => {
      const seen: (string | undefined)[] = [];
      const client = onTheWire(clientWith(), ({ method, headers }) => {
        if (method === 'PUT') seen.push(headers['x-amz-content-sha256']);
      });
      const bytes = Buffer.alloc(100_000, 'stand-in');
      await client.send(
        new PutObjectCommand({ Bucket, Key: 'buffer', Body: Buffer.from('x'), ChecksumAlgorithm }),
      );
      const pieces = [bytes.subarray(0, 40_000), bytes.subarray(40_000)];
      await client.send(
        new PutObjectCommand({
          Bucket,
          Key: 'stream',
          Body: Readable.from(pieces),
          ContentLength: bytes.length,
          ChecksumAlgorithm,
        }),
      );
      expect(seen[0]).toMatch(/^[0-9a-f]{64}$/);
      expect(seen[1]).toBe('STREAMING-UNSIGNED-PAYLOAD-TRAILER');
      expect(s3.objectAt(Bucket, 'stream')?.bytes.equals(bytes)).toBe(true);
      expect(s3.objectAt(Bucket, 'stream')?.headers).not.toHaveProperty('content-encoding');
      // The client checks what comes back against the stored checksum by itself.
      const got = await client.send(new GetObjectCommand({ Bucket, Key: 'stream' }));
      expect((await got.Body?.transformToByteArray())?.length).toBe(bytes.length);
    },
  );

  it('lists by prefix, folds by delimiter and pages to the end, each key once', async () => {
    const client = clientWith();
    for (const Key of ['a/1', 'a/2', 'a/b/3', 'é & <x>', 'z']) {
      await client.send(new PutObjectCommand({ Bucket, Key, Body: 'x' }));
    }
    const folded = await client.send(new ListObjectsV2Command({ Bucket, Prefix: 'a/', Delimiter: '/' }));
    expect(folded.Contents?.map(({ Key }) => Key)).toEqual(['a/1', 'a/2']);
    expect(folded.CommonPrefixes).toEqual([{ Prefix: 'a/b/' }]);
    const all: (string | undefined)[] = [];
    let ContinuationToken: string | undefined;
    do {
      const page = await client.send(new ListObjectsV2Command({ Bucket, MaxKeys: 2, ContinuationToken }));
      all.push(...(page.Contents ?? []).map(({ Key }) => Key));
      ContinuationToken = page.NextContinuationToken;
    } while (ContinuationToken !== undefined);
    expect(all).toEqual(['a/1', 'a/2', 'a/b/3', 'z', 'é & <x>']);
  });

  it('knows no other bucket', async () => {
    const get = clientWith().send(new GetObjectCommand({ Bucket: 'pied-piper', Key: 'x' }));
    await expect(get).rejects.toMatchObject({ name: 'NoSuchBucket', $metadata: { httpStatusCode: 404 } });
  });
});

describe('the S3 stand-in refuses', () => {
  const put = (client: S3Client, Key = 'k') =>
    client.send(new PutObjectCommand({ Bucket, Key, Body: 'the address', Metadata: { by: 'hooli' } }));

  it.each<[string, S3ClientConfig, string, number]>([
    ['a wrong secret', { credentials: { ...keys, secretAccessKey: 'wrong' } }, 'SignatureDoesNotMatch', 403],
    ['an unknown key id', { credentials: { ...keys, accessKeyId: 'AKID-OTHER' } }, 'InvalidAccessKeyId', 403],
    ['a session token it never gave', { credentials: { ...keys, sessionToken: 't' } }, 'InvalidToken', 400],
    ['a scope of another region', { region: 'us-west-2' }, 'AuthorizationHeaderMalformed', 400],
    ['a clock 16 minutes behind', { systemClockOffset: -16 * 60_000 }, 'RequestTimeTooSkewed', 403],
    ['a clock 16 minutes ahead', { systemClockOffset: 16 * 60_000 }, 'RequestTimeTooSkewed', 403],
  ])('%s', async (_what, config, name, httpStatusCode) => {
    await expect(put(clientWith(config))).rejects.toMatchObject({ name, $metadata: { httpStatusCode } });
    expect(s3.objectAt(Bucket, 'k')).toBeNull();
  });

  it('takes a clock 14 minutes off, on either side', async () => {
    await put(clientWith({ systemClockOffset: -14 * 60_000 }));
    await put(clientWith({ systemClockOffset: 14 * 60_000 }));
  });

  it.each<[string, (request: Wire) => void, string]>([
    ['an altered body', (request) => (request.body = 'tHe address'), 'XAmzContentSHA256Mismatch'],
    ['an altered header', ({ headers }) => (headers['x-amz-meta-by'] = 'gavin'), 'SignatureDoesNotMatch'],
    ['an added x-amz- header', ({ headers }) => (headers['x-amz-acl'] = 'public-read'), 'AccessDenied'],
    [
      'an altered path',
      (request) => (request.path = request.path.replace('/k', '/j')),
      'SignatureDoesNotMatch',
    ],
    ['an altered method', (request) => (request.method = 'DELETE'), 'SignatureDoesNotMatch'],
    ['an added query', ({ query }) => (query['x-other'] = '1'), 'SignatureDoesNotMatch'],
    ['a date shifted by seconds', ({ headers }) => editDate(headers, shiftSecond), 'SignatureDoesNotMatch'],
    ['a date of no calendar', ({ headers }) => editDate(headers, () => '61Z'), 'AccessDenied'],
    ['an unsigned host', ({ headers }) => withoutSigned(headers, 'host;'), 'AccessDenied'],
    [
      'an unsigned payload digest',
      ({ headers }) => withoutSigned(headers, 'x-amz-content-sha256;'),
      'AccessDenied',
    ],
    [
      'a payload declared unsigned after signing',
      ({ headers }) => (headers['x-amz-content-sha256'] = 'UNSIGNED-PAYLOAD'),
      'SignatureDoesNotMatch',
    ],
    ['no authorization', ({ headers }) => delete headers.authorization, 'AccessDenied'],
    ['the older signature version', ({ headers }) => (headers.authorization = 'AWS a:b'), 'InvalidRequest'],
  ])('%s', async (_what, change, name) => {
    await expect(put(onTheWire(clientWith(), change))).rejects.toMatchObject({ name });
    expect(s3.objectAt(Bucket, 'k')).toBeNull();
    expect(s3.ledger.entries().at(-1)).toMatchObject({ refusal: name });
  });

  it('a checksum that does not fit the bytes, before anything is stored', async () => {
    const lie = new PutObjectCommand({ Bucket, Key: 'k', Body: 'the address', ChecksumCRC32: 'AAAAAA==' });
    await expect(clientWith().send(lie)).rejects.toMatchObject({ name: 'BadDigest' });
    expect(s3.objectAt(Bucket, 'k')).toBeNull();
  });

  it('a request replayed after a quarter of an hour, however well it was signed', async () => {
    let recorded: Wire | null = null;
    const client = onTheWire(clientWith(), (request) => {
      recorded = { ...request, headers: { ...request.headers } };
    });
    await client.send(new DeleteObjectCommand({ Bucket, Key: 'k' }));
    const { path, headers } = recorded as unknown as Wire;
    const replay = () => fetch(`${s3.url}${path}?x-id=DeleteObject`, { method: 'DELETE', headers: headers });
    expect((await replay()).status).toBe(204);
    offsetMs = 16 * 60_000;
    const late = await replay();
    expect(late.status).toBe(403);
    const xml = await late.text();
    expect(xml).toContain('<Code>RequestTimeTooSkewed</Code>');
    expect(xml).toContain('<MaxAllowedSkewMilliseconds>900000</MaxAllowedSkewMilliseconds>');
  });

  it('what it does not do, instead of doing something else', async () => {
    const copy = new PutObjectCommand({ Bucket, Key: 'k', Body: 'x', IfNoneMatch: '*' });
    await expect(clientWith().send(copy)).rejects.toMatchObject({ name: 'NotImplemented' });
  });

  it('without ever writing a secret or a key id into the ledger', async () => {
    await put(clientWith());
    await put(clientWith({ credentials: { ...keys, secretAccessKey: 'wrong' } })).catch(() => null);
    const text = JSON.stringify(s3.ledger.entries());
    expect(text).not.toMatch(/AKIDEXAMPLE|the-right-secret|wrong/);
    expect(s3.ledger.entries().map(({ status }) => status)).toEqual([200, 403]);
  });
});

function withoutSigned(headers: Record<string, string>, name: string): void {
  headers.authorization = headers.authorization?.replace(name, '') ?? '';
}

function editDate(headers: Record<string, string>, edit: (seconds: string) => string): void {
  headers['x-amz-date'] = headers['x-amz-date']?.replace(/\d\dZ$/, edit) ?? '';
}

function shiftSecond(seconds: string): string {
  const other = (Number.parseInt(seconds, 10) + 7) % 60;
  return `${String(other).padStart(2, '0')}Z`;
}
