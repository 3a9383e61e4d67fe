import { createHash, createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { digestOf } from './s3-checksum.ts';
import { readPayload } from './s3-payload.ts';
import { S3Refusal } from './s3-refusal.ts';
import { type SignedRequest, verifySignature } from './s3-signature.ts';

// Amazon's worked examples, signed by them in their documentation with their documented example key:
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, sigv4-streaming.html and
// sigv4-streaming-trailers.html. None of these signatures was computed by our code.

const secret = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
const rules = {
  region: 'us-east-1',
  secretOf: (id: string) => (id === 'AKIAIOSFODNN7EXAMPLE' ? secret : null),
  now: new Date('2013-05-24T00:05:00Z'),
};
const emptyDigest = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

function signed(
  method: string,
  target: string,
  headers: Record<string, string>,
  signature: string,
): SignedRequest {
  const [path = '', query = ''] = target.split('?');
  const all = { host: 'examplebucket.s3.amazonaws.com', ...headers };
  const authorization =
    'AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,' +
    `SignedHeaders=${Object.keys(all).sort().join(';')},Signature=${signature}`;
  return { method, path, query, headers: [...Object.entries(all), ['authorization', authorization]] };
}

const dated = (payload: string) => ({ 'x-amz-content-sha256': payload, 'x-amz-date': '20130524T000000Z' });

const examples: [string, SignedRequest][] = [
  [
    'GET an object with a range',
    signed(
      'GET',
      '/test.txt',
      { range: 'bytes=0-9', ...dated(emptyDigest) },
      'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
    ),
  ],
  [
    'PUT an object whose name must be encoded',
    signed(
      'PUT',
      '/test%24file.text',
      {
        date: 'Fri, 24 May 2013 00:00:00 GMT',
        'x-amz-storage-class': 'REDUCED_REDUNDANCY',
        ...dated('44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072'),
      },
      '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
    ),
  ],
  [
    'GET a subresource without a value',
    signed(
      'GET',
      '/?lifecycle',
      dated(emptyDigest),
      'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
    ),
  ],
  [
    'GET a listing with two parameters',
    signed(
      'GET',
      '/?max-keys=2&prefix=J',
      dated(emptyDigest),
      '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
    ),
  ],
];

describe("Amazon's examples of a signed request", () => {
  it.each(examples)('holds: %s', (_what, request) => {
    expect(verifySignature(request, rules).accessKeyId).toBe('AKIAIOSFODNN7EXAMPLE');
  });

  it.each(examples)('does not hold with another secret: %s', (_what, request) => {
    expect(codeOf(() => verifySignature(request, { ...rules, secretOf: () => 'another' }))).toBe(
      'SignatureDoesNotMatch',
    );
  });

  it('reads parameters in any order, since the signature sorts them', () => {
    const [, listing] = examples[3] ?? [];
    if (listing === undefined) throw new Error('the example is missing');
    verifySignature({ ...listing, query: 'prefix=J&max-keys=2' }, rules);
  });
});

const content = Buffer.alloc(66_560, 'a');
const upload = {
  host: 's3.amazonaws.com',
  'content-encoding': 'aws-chunked',
  'x-amz-decoded-content-length': '66560',
  'x-amz-storage-class': 'REDUCED_REDUNDANCY',
};

const chunked = {
  request: signed(
    'PUT',
    '/examplebucket/chunkObject.txt',
    { ...upload, 'content-length': '66824', ...dated('STREAMING-AWS4-HMAC-SHA256-PAYLOAD') },
    '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9',
  ),
  body: bodyOf(
    [
      'ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648',
      '0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497',
      'b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9',
    ],
    '\r\n',
  ),
};

const trailing = {
  request: signed(
    'PUT',
    '/examplebucket/chunkObject.txt',
    {
      ...upload,
      'x-amz-trailer': 'x-amz-checksum-crc32c',
      ...dated('STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER'),
    },
    '106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e',
  ),
  body: bodyOf(
    [
      'b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2',
      '1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7',
      '2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992',
    ],
    'x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n',
  ),
};

describe("Amazon's examples of a chunked upload", () => {
  it.each([
    ['signed chunks', chunked],
    ['signed chunks and a signed trailer', trailing],
  ])('hold, and give the content back: %s', (_what, { request, body }) => {
    expect(read(request, body).bytes.equals(content)).toBe(true);
  });

  it.each([
    ['a bit in the first chunk', chunked, 200, 'SignatureDoesNotMatch'],
    ['a bit in the second chunk', chunked, 65_536 + 400, 'SignatureDoesNotMatch'],
    ['a bit in the checksum of the trailer', trailing, 66_560 + 86 * 3 + 33, 'SignatureDoesNotMatch'],
  ])('does not hold with %s changed', (_what, { request, body }, at, code) => {
    const changed = Buffer.from(body);
    changed[at] = (changed[at] ?? 0) ^ 1;
    expect(codeOf(() => read(request, changed))).toBe(code);
  });

  it('does not hold with chunks left out, swapped, cut short or followed by more', () => {
    const text = chunked.body.toString('latin1');
    const second = text.indexOf('400;chunk-signature');
    const last = text.indexOf('0;chunk-signature', second + 10);
    const leftOut = text.slice(0, second) + text.slice(last);
    const swapped = text.slice(second, last) + text.slice(0, second) + text.slice(last);
    const code = (changed: string) => codeOf(() => read(chunked.request, Buffer.from(changed, 'latin1')));
    expect(code(leftOut)).toBe('SignatureDoesNotMatch');
    expect(code(swapped)).toBe('SignatureDoesNotMatch');
    expect(code(text.slice(0, last))).toBe('IncompleteBody');
    expect(code(`${text}more`)).toBe('IncompleteBody');
  });

  it('does not hold when the trailer or its signature is missing', () => {
    const text = trailing.body.toString('latin1');
    const code = (changed: string) => codeOf(() => read(trailing.request, Buffer.from(changed, 'latin1')));
    expect(code(text.replace(/x-amz-trailer-signature:.*\r\n/, ''))).toBe('MalformedTrailerError');
    expect(code(text.replace(/x-amz-checksum-crc32c:.*\r\n/, ''))).toBe('SignatureDoesNotMatch');
  });

  it('refuses small chunks before the last, even well signed, as S3 does', () => {
    const sizes = [8191, 10];
    const { request, body } = selfSigned(sizes);
    expect(codeOf(() => read(request, body))).toBe('InvalidChunkSizeError');
    const fine = selfSigned([8192, 10]);
    expect(read(fine.request, fine.body).bytes.length).toBe(8202);
  });
});

describe('the checksums', () => {
  // The check values of the catalogue of parametrised CRC algorithms, over the text 123456789.
  it.each([
    ['crc32', 'cbf43926'],
    ['crc32c', 'e3069283'],
    ['crc64nvme', 'ae8b14860a799888'],
  ] as const)('are those of the catalogue: %s', (algorithm, hex) => {
    expect(Buffer.from(digestOf(algorithm, Buffer.from('123456789')), 'base64').toString('hex')).toBe(hex);
  });
});

function read(request: SignedRequest, body: Buffer) {
  return readPayload(request, body, verifySignature(request, rules));
}

function bodyOf(signatures: readonly string[], end: string): Buffer {
  const [first, second, last] = signatures;
  const text = `10000;chunk-signature=${first}\r\n${'a'.repeat(65_536)}\r\n400;chunk-signature=${second}\r\n${'a'.repeat(1024)}\r\n`;
  return Buffer.from(`${text}0;chunk-signature=${last}\r\n${end}`, 'latin1');
}

/** An upload whose chunks have these sizes, signed here by the documented formula. */
function selfSigned(sizes: readonly number[]): { request: SignedRequest; body: Buffer } {
  const sha = (text: string) => createHash('sha256').update(text).digest('hex');
  const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();
  const scope = '20130524/us-east-1/s3/aws4_request';
  const key = scope.split('/').reduce<string | Buffer>(hmac, `AWS4${secret}`) as Buffer;
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const headers = {
    'x-amz-decoded-content-length': String(total),
    ...dated('STREAMING-AWS4-HMAC-SHA256-PAYLOAD'),
  };
  const names = ['host', ...Object.keys(headers)].sort();
  const values: Record<string, string> = { host: 'examplebucket.s3.amazonaws.com', ...headers };
  const lines = names.map((name) => `${name}:${values[name]}\n`).join('');
  const canonical = `PUT\n/b/k\n\n${lines}\n${names.join(';')}\nSTREAMING-AWS4-HMAC-SHA256-PAYLOAD`;
  const sign = (kind: string, rest: string) =>
    hmac(key, `${kind}\n20130524T000000Z\n${scope}\n${rest}`).toString('hex');
  let previous = sign('AWS4-HMAC-SHA256', sha(canonical));
  const request = signed('PUT', '/b/k', headers, previous);
  let body = '';
  for (const size of [...sizes, 0]) {
    const chunk = 'a'.repeat(size);
    previous = sign('AWS4-HMAC-SHA256-PAYLOAD', `${previous}\n${sha('')}\n${sha(chunk)}`);
    body += `${size.toString(16)};chunk-signature=${previous}\r\n${chunk}\r\n`;
  }
  return { request, body: Buffer.from(body, 'latin1') };
}

function codeOf(attempt: () => unknown): string | null {
  try {
    attempt();
  } catch (error) {
    if (error instanceof S3Refusal) return error.code;
    throw error;
  }
  return null;
}
