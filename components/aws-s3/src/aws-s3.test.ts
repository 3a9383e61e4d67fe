import { createHash, createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { type Answer, dataOf, type Request, setUpBench } from '../../testing/bench';

const { run, standIn } = setUpBench('aws-s3');
const secret = 'planted-secret-access-key';
const connection = {
  key: 'apiKeySecret',
  configVarKey: 'S3',
  fields: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: secret },
};

const sha256 = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Buffer, data: string): Buffer => createHmac('sha256', key).update(data).digest();

/** AWS signature version 4, computed from what arrived; what the service itself does. */
function hasValidSignature({ method, url, headers, body }: Request): boolean {
  const match = /Credential=([^/]+)\/([^,]+), SignedHeaders=([^,]+), Signature=(\w+)/.exec(
    headers.authorization ?? '',
  );
  const [, , scope = '', signed = '', signature] = match ?? [];
  const [date = '', region = '', service = ''] = scope.split('/');
  const names = signed.split(';');
  const query = [...url.searchParams].map((pair) => pair.map(encodeURIComponent).join('=')).sort();
  const payload = String(headers['x-amz-content-sha256']);
  const canonical = [
    method,
    url.pathname,
    query.join('&'),
    ...names.map((name) => `${name}:${String(headers[name])}`),
    '',
    signed,
    payload,
  ].join('\n');
  const text = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, sha256(canonical)].join('\n');
  const key = [date, region, service, 'aws4_request'].reduce<string | Buffer>(hmac, `AWS4${secret}`);
  return payload === sha256(body) && hmac(key, text).toString('hex') === signature;
}

const fault = (status: number, code: string): Answer => ({
  status,
  headers: { 'content-type': 'application/xml' },
  body: `<Error><Code>${code}</Code><Message>It is ${code}.</Message></Error>`,
});

function bucket(): (request: Request) => Answer {
  const objects = new Map<string, Request>();
  return (request) => {
    if (!hasValidSignature(request)) return fault(403, 'SignatureDoesNotMatch');
    const { method, url } = request;
    if (method === 'PUT') {
      objects.set(url.pathname, request);
      return { headers: { etag: '"e1"' }, body: '' };
    }
    if (url.searchParams.get('list-type') === '2') return { headers: xml, body: listing(url) };
    const object = objects.get(url.pathname);
    if (object === undefined) return fault(404, 'NoSuchKey');
    return { headers: { 'content-type': String(object.headers['content-type']) }, body: object.body };
  };
}

const xml = { 'content-type': 'application/xml' };
function listing(url: URL): string {
  const isSecond = url.searchParams.has('continuation-token');
  const next = isSecond ? '' : '<NextContinuationToken>more</NextContinuationToken>';
  const key = isSecond ? 'b.txt' : 'a.txt';
  return `<ListBucketResult><IsTruncated>${!isSecond}</IsTruncated>${next}<Contents><Key>${key}</Key><Size>1</Size>
    <LastModified>2024-01-02T03:04:05.000Z</LastModified></Contents></ListBucketResult>`;
}

test('an object is written with a valid signature and read back byte for byte', async () => {
  const s3 = await standIn(bucket());
  const where = { connection, bucket: 'photos', endpoint: s3.url, forcePathStyle: true };
  const object = { ...where, objectKey: 'out/address 1.txt' };
  const written = await run('putObject', { ...object, contents: 'Brücke 1', contentType: 'text/plain' });
  expect(dataOf(written)).toEqual({
    bucket: 'photos',
    key: 'out/address 1.txt',
    eTag: '"e1"',
    versionId: null,
  });
  expect(s3.requests[0]?.url.pathname).toBe('/photos/out/address%201.txt');
  expect(await run('getObject', object)).toMatchObject({
    kind: 'ok',
    result: { data: Buffer.from('Brücke 1'), contentType: 'text/plain' },
  });
});

test('a listing follows continuation tokens', async () => {
  const s3 = await standIn(bucket());
  const outcome = await run('listObjects', {
    connection,
    bucket: 'b',
    endpoint: s3.url,
    forcePathStyle: true,
  });
  expect(dataOf(outcome)).toMatchObject({ objects: [{ key: 'a.txt' }, { key: 'b.txt' }], hasMore: false });
});

test('a wrong secret is a connection error; a missing object is not', async () => {
  const s3 = await standIn(bucket());
  const object = { bucket: 'b', objectKey: 'none', endpoint: s3.url, forcePathStyle: true };
  const wrong = { ...connection, fields: { ...connection.fields, secretAccessKey: 'another-one' } };
  expect(await run('getObject', { ...object, connection: wrong })).toMatchObject({
    kind: 'error',
    isConnectionError: true,
    connection: { configVarKey: 'S3' },
    message: expect.stringContaining('SignatureDoesNotMatch'),
  });
  expect(await run('getObject', { ...object, connection })).toMatchObject({
    kind: 'error',
    isConnectionError: false,
    name: 'NoSuchKey',
  });
});

test('an incomplete connection is at fault before anything is sent', async () => {
  const incomplete = { ...connection, fields: { accessKeyId: 'AKIDEXAMPLE' } };
  expect(await run('listObjects', { connection: incomplete, bucket: 'b' })).toMatchObject({
    kind: 'error',
    isConnectionError: true,
  });
});
