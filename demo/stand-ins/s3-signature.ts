// Verifies AWS Signature Version 4 in the Authorization header, as S3 does:
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { S3Refusal } from './s3-refusal.ts';

export type SignedRequest = {
  readonly method: string;
  /** As sent, percent-encoded. */
  readonly path: string;
  readonly query: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
};

export type SignatureRules = {
  readonly region: string;
  readonly secretOf: (accessKeyId: string) => string | null;
  readonly now: Date;
};

/** What a chunked body's own signatures continue from. */
export type VerifiedSignature = {
  readonly accessKeyId: string;
  readonly signature: string;
  readonly timestamp: string;
  readonly scope: string;
  readonly key: Buffer;
  /** The x-amz-content-sha256 that was signed: a digest, or how the body is to be read. */
  readonly payload: string;
};

type Authorization = {
  readonly accessKeyId: string;
  readonly scope: readonly [date: string, region: string, service: string, terminator: string];
  readonly signedHeaders: readonly string[];
  readonly signature: string;
};

const maxSkewMs = 15 * 60 * 1000;

export function verifySignature(request: SignedRequest, rules: SignatureRules): VerifiedSignature {
  const authorization = authorizationOf(request);
  const timestamp = timestampOf(request);
  refuseOtherScope(authorization, timestamp, rules.region);
  const secret = rules.secretOf(authorization.accessKeyId);
  if (secret === null) {
    throw new S3Refusal('InvalidAccessKeyId', { facts: { AWSAccessKeyId: authorization.accessKeyId } });
  }
  // Long-term keys have no session token; S3 says so rather than ignore one.
  if (headerOf(request, 'x-amz-security-token') !== null) throw new S3Refusal('InvalidToken');
  refuseSkew(timestamp, rules.now);
  refuseUnsignedHeaders(request, authorization);
  const payload = headerOf(request, 'x-amz-content-sha256');
  if (payload === null) {
    throw new S3Refusal('InvalidRequest', {
      message: 'Missing required header for this request: x-amz-content-sha256',
    });
  }
  const scope = authorization.scope.join('/');
  const canonical = sha256(canonicalRequest(request, authorization.signedHeaders, payload));
  const stringToSign = `AWS4-HMAC-SHA256\n${timestamp}\n${scope}\n${canonical}`;
  const key = signingKey(secret, authorization.scope);
  refuseOtherSignature({ key, stringToSign, given: authorization.signature });
  const { accessKeyId, signature } = authorization;
  return { accessKeyId, signature, timestamp, scope, key, payload };
}

/** Throws SignatureDoesNotMatch unless `given` is the signature of `stringToSign`; used for chunks and trailers too. */
export function refuseOtherSignature(signed: {
  readonly key: Buffer;
  readonly stringToSign: string;
  readonly given: string;
}): void {
  const expected = hmac(signed.key, signed.stringToSign);
  const given = Buffer.from(signed.given, 'hex');
  if (given.length === expected.length && timingSafeEqual(given, expected)) return;
  throw new S3Refusal('SignatureDoesNotMatch', {
    facts: { StringToSign: signed.stringToSign, SignatureProvided: signed.given },
  });
}

export function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

export function headerOf(request: SignedRequest, name: string): string | null {
  return request.headers.find(([given]) => given === name)?.[1].trim() ?? null;
}

/** AWS's percent-encoding: everything but A-Z a-z 0-9 - . _ ~, upper-case hex. */
export function awsEncode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

export function percentDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new S3Refusal('InvalidURI');
  }
}

/** The query's pairs, decoded, in the order sent. */
export function queryPairs(query: string): [name: string, value: string][] {
  return query
    .split('&')
    .filter((part) => part !== '')
    .map((part) => {
      const mark = part.indexOf('=');
      const [name, value] = mark < 0 ? [part, ''] : [part.slice(0, mark), part.slice(mark + 1)];
      return [percentDecode(name), percentDecode(value)];
    });
}

function authorizationOf(request: SignedRequest): Authorization {
  const header = headerOf(request, 'authorization');
  if (header === null) {
    if (queryPairs(request.query).some(([name]) => name.toLowerCase() === 'x-amz-signature')) {
      throw new S3Refusal('NotImplemented', { message: 'This stand-in does not verify presigned URLs' });
    }
    throw new S3Refusal('AccessDenied');
  }
  if (!header.startsWith('AWS4-HMAC-SHA256 ')) {
    throw new S3Refusal('InvalidRequest', {
      message: 'The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.',
    });
  }
  const fields = new Map(
    header
      .slice('AWS4-HMAC-SHA256 '.length)
      .split(',')
      .map((field) => {
        const [name = '', ...value] = field.trim().split('=');
        return [name, value.join('=')];
      }),
  );
  const parts = (fields.get('Credential') ?? '').split('/');
  const signedHeaders = (fields.get('SignedHeaders') ?? '').split(';').filter((name) => name !== '');
  const signature = fields.get('Signature') ?? '';
  // An access key id has no slash; everything after the first one is the scope, exactly four parts.
  const [accessKeyId = '', date = '', region = '', service = '', terminator = ''] = parts;
  if (parts.length !== 5 || accessKeyId === '') throw malformed('the Credential is mal-formed');
  if (signedHeaders.length === 0) throw malformed('SignedHeaders is missing');
  if (!/^[0-9a-f]{64}$/.test(signature)) throw malformed('the Signature is not 64 hexadecimal digits');
  return { accessKeyId, scope: [date, region, service, terminator], signedHeaders, signature };
}

/** In the form that is signed, whichever header carried it. */
function timestampOf(request: SignedRequest): string {
  const given = headerOf(request, 'x-amz-date');
  if (given !== null && !Number.isNaN(instantOf(given))) return given;
  const date = given === null ? Date.parse(headerOf(request, 'date') ?? '') : Number.NaN;
  if (Number.isNaN(date)) {
    throw new S3Refusal('AccessDenied', {
      message: 'AWS authentication requires a valid Date or x-amz-date header',
    });
  }
  return new Date(date).toISOString().replace(/[-:]|\.\d{3}/g, '');
}

function refuseOtherScope({ scope }: Authorization, timestamp: string, expectedRegion: string): void {
  const [date, region, service, terminator] = scope;
  if (date !== timestamp.slice(0, 8))
    throw malformed(`the credential date "${date}" is not that of the request`);
  if (region !== expectedRegion) {
    throw malformed(`the region '${region}' is wrong; expecting '${expectedRegion}'`, {
      Region: expectedRegion,
    });
  }
  if (service !== 's3') throw malformed(`incorrect service "${service}". This endpoint belongs to "s3".`);
  if (terminator !== 'aws4_request') {
    throw malformed(`incorrect terminal "${terminator}". This endpoint uses "aws4_request".`);
  }
}

function refuseSkew(timestamp: string, now: Date): void {
  const skewMs = Math.abs(now.getTime() - instantOf(timestamp));
  if (skewMs <= maxSkewMs) return;
  throw new S3Refusal('RequestTimeTooSkewed', {
    facts: {
      RequestTime: timestamp,
      ServerTime: now.toISOString(),
      MaxAllowedSkewMilliseconds: String(maxSkewMs),
    },
  });
}

/** Milliseconds since the epoch of a basic ISO 8601 time, NaN for anything else. */
function instantOf(timestamp: string): number {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(timestamp);
  if (parts === null) return Number.NaN;
  const [, year, month, day, hours, minutes, seconds] = parts;
  return Date.parse(`${year}-${month}-${day}T${hours}:${minutes}:${seconds}Z`);
}

/** Host and every x-amz- header must be under the signature, or somebody on the way could change them. */
function refuseUnsignedHeaders(request: SignedRequest, { signedHeaders }: Authorization): void {
  const present = request.headers.map(([name]) => name).filter((name) => name.startsWith('x-amz-'));
  const unsigned = ['host', ...present].filter((name) => !signedHeaders.includes(name));
  if (unsigned.length === 0) return;
  throw new S3Refusal('AccessDenied', {
    message: 'There were headers present in the request which were not signed',
    facts: { HeadersNotSigned: [...new Set(unsigned)].join(', ') },
  });
}

function canonicalRequest(request: SignedRequest, signedHeaders: readonly string[], payload: string): string {
  const headers = signedHeaders.map((name) => {
    const values = request.headers.filter(([given]) => given === name).map(([, value]) => value.trim());
    return `${name}:${values.join(',').replace(/ +/g, ' ')}\n`;
  });
  return [
    request.method,
    // S3 alone among AWS services encodes the path once and keeps dot segments and double slashes.
    request.path
      .split('/')
      .map((part) => awsEncode(percentDecode(part)))
      .join('/'),
    canonicalQuery(request.query),
    headers.join(''),
    signedHeaders.join(';'),
    payload,
  ].join('\n');
}

function canonicalQuery(query: string): string {
  return queryPairs(query)
    .map(([name, value]) => [awsEncode(name), awsEncode(value)] as const)
    .sort(([a, x], [b, y]) => (a === b ? compare(x, y) : compare(a, b)))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

/** By code unit, unlike localeCompare. */
function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function signingKey(secret: string, scope: readonly string[]): Buffer {
  return scope.reduce<Buffer>((key, part) => hmac(key, part), Buffer.from(`AWS4${secret}`, 'utf8'));
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text, 'utf8').digest();
}

function malformed(problem: string, facts: Readonly<Record<string, string>> = {}): S3Refusal {
  return new S3Refusal('AuthorizationHeaderMalformed', {
    message: `The authorization header is malformed; ${problem}`,
    facts,
  });
}
