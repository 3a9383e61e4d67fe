// Reads an upload's body in each of the six ways that x-amz-content-sha256 can announce, and believes none unchecked:
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html and .../sigv4-streaming-trailers.html
import { createHash } from 'node:crypto';
import { type Checksum, checksumNames, digestOf } from './s3-checksum.ts';
import { S3Refusal } from './s3-refusal.ts';
import {
  headerOf,
  refuseOtherSignature,
  type SignedRequest,
  sha256,
  type VerifiedSignature,
} from './s3-signature.ts';

export type Payload = { readonly bytes: Buffer; readonly checksums: readonly Checksum[] };

type Streaming = { readonly isSigned: boolean; readonly hasTrailer: boolean };

const streamings: Readonly<Record<string, Streaming>> = {
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD': { isSigned: true, hasTrailer: false },
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER': { isSigned: true, hasTrailer: true },
  'STREAMING-UNSIGNED-PAYLOAD-TRAILER': { isSigned: false, hasTrailer: true },
};

const minChunkBytes = 8192;

export function readPayload(request: SignedRequest, body: Buffer, verified: VerifiedSignature): Payload {
  const streaming = Object.hasOwn(streamings, verified.payload) ? streamings[verified.payload] : undefined;
  if (streaming === undefined) {
    refuseOtherDigest(verified.payload, body);
    return checked(request, body, request.headers);
  }
  const chunked = readChunks(body, streaming, verified);
  const promised = headerOf(request, 'x-amz-decoded-content-length');
  if (promised === null || !/^\d+$/.test(promised)) throw new S3Refusal('MissingContentLength');
  if (Number(promised) !== chunked.bytes.length) throw new S3Refusal('IncompleteBody');
  refuseOtherTrailers(request, chunked.trailers);
  return checked(request, chunked.bytes, [...request.headers, ...chunked.trailers]);
}

function refuseOtherDigest(announced: string, body: Buffer): void {
  if (announced === 'UNSIGNED-PAYLOAD') return;
  if (!/^[0-9a-f]{64}$/.test(announced)) {
    throw new S3Refusal('InvalidArgument', {
      message: 'x-amz-content-sha256 must be UNSIGNED-PAYLOAD, a streaming keyword or a valid sha256 value.',
    });
  }
  const computed = sha256(body);
  if (announced === computed) return;
  throw new S3Refusal('XAmzContentSHA256Mismatch', {
    facts: { ClientComputedContentSHA256: announced, S3ComputedContentSHA256: computed },
  });
}

type Chunked = { readonly bytes: Buffer; readonly trailers: readonly (readonly [string, string])[] };

/** `size;chunk-signature=...` CRLF data CRLF, until a chunk of size 0; then the trailer or a last CRLF. */
function readChunks(body: Buffer, { isSigned, hasTrailer }: Streaming, verified: VerifiedSignature): Chunked {
  const chunks: Buffer[] = [];
  let previous = verified.signature;
  let at = 0;
  for (;;) {
    const lineEnd = body.indexOf('\r\n', at);
    const line = lineEnd < 0 ? '' : body.toString('latin1', at, lineEnd);
    const parts = /^([0-9a-f]{1,8})(?:;chunk-signature=([0-9a-f]{64}))?$/i.exec(line);
    if (parts === null || (parts[2] !== undefined) !== isSigned) throw new S3Refusal('IncompleteBody');
    const size = Number.parseInt(parts[1] ?? '', 16);
    const chunk = body.subarray(lineEnd + 2, lineEnd + 2 + size);
    if (chunk.length !== size) throw new S3Refusal('IncompleteBody');
    if (isSigned) {
      refuseOtherSignature({
        key: verified.key,
        stringToSign: signedText('PAYLOAD', verified, previous, [sha256(''), sha256(chunk)]),
        given: parts[2] ?? '',
      });
      previous = parts[2] ?? '';
    }
    at = lineEnd + 2 + size;
    if (size === 0) break;
    if (body.toString('latin1', at, at + 2) !== '\r\n') throw new S3Refusal('IncompleteBody');
    at += 2;
    const beforeLast = chunks.at(-1);
    if (beforeLast !== undefined && beforeLast.length < minChunkBytes)
      throw new S3Refusal('InvalidChunkSizeError');
    chunks.push(chunk);
  }
  const rest = body.toString('latin1', at);
  if (!hasTrailer) {
    if (rest !== '\r\n') throw new S3Refusal('IncompleteBody');
    return { bytes: Buffer.concat(chunks), trailers: [] };
  }
  return { bytes: Buffer.concat(chunks), trailers: readTrailers(rest, isSigned, verified, previous) };
}

function readTrailers(
  text: string,
  isSigned: boolean,
  verified: VerifiedSignature,
  previous: string,
): readonly (readonly [string, string])[] {
  if (!/^(?:[^\r\n]+\r?\n){1,8}\r\n$/.test(text)) throw new S3Refusal('MalformedTrailerError');
  const lines = text.split('\n').map((line) => line.trim());
  const all = lines
    .filter((line) => line !== '')
    .map((line): [string, string] => {
      const mark = line.indexOf(':');
      if (mark < 1) throw new S3Refusal('MalformedTrailerError');
      return [line.slice(0, mark).trim().toLowerCase(), line.slice(mark + 1).trim()];
    });
  const trailers = all.filter(([name]) => name !== 'x-amz-trailer-signature');
  const signatures = all.filter(([name]) => name === 'x-amz-trailer-signature').map(([, value]) => value);
  if (signatures.length !== (isSigned ? 1 : 0)) throw new S3Refusal('MalformedTrailerError');
  if (isSigned) {
    const canonical = trailers.map(([name, value]) => `${name}:${value}\n`).sort();
    refuseOtherSignature({
      key: verified.key,
      stringToSign: signedText('TRAILER', verified, previous, [sha256(canonical.join(''))]),
      given: signatures[0] ?? '',
    });
  }
  return trailers;
}

function signedText(
  what: 'PAYLOAD' | 'TRAILER',
  { timestamp, scope }: VerifiedSignature,
  previous: string,
  digests: readonly string[],
): string {
  return [`AWS4-HMAC-SHA256-${what}`, timestamp, scope, previous, ...digests].join('\n');
}

/** The signed x-amz-trailer header names what must come, no more and no less. */
function refuseOtherTrailers(request: SignedRequest, trailers: readonly (readonly [string, string])[]): void {
  const announced = (headerOf(request, 'x-amz-trailer') ?? '')
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
    .sort();
  const received = trailers.map(([name]) => name).sort();
  if (announced.join() !== received.join()) throw new S3Refusal('MalformedTrailerError');
}

/** Every checksum that came, in a header or a trailer, computed again over the decoded bytes. */
function checked(
  request: SignedRequest,
  bytes: Buffer,
  sources: readonly (readonly [string, string])[],
): Payload {
  const md5 = headerOf(request, 'content-md5');
  if (md5 !== null && Buffer.from(md5, 'base64').length !== 16) throw new S3Refusal('InvalidDigest');
  if (md5 !== null && md5 !== createHash('md5').update(bytes).digest('base64'))
    throw new S3Refusal('BadDigest');
  const checksums: Checksum[] = [];
  for (const algorithm of checksumNames) {
    const given = sources.find(([name]) => name === `x-amz-checksum-${algorithm}`)?.[1].trim();
    if (given === undefined) continue;
    if (given !== digestOf(algorithm, bytes)) {
      const message = `The ${algorithm.toUpperCase()} you specified did not match the calculated checksum.`;
      throw new S3Refusal('BadDigest', { message });
    }
    checksums.push({ algorithm, value: given });
  }
  return { bytes, checksums };
}
