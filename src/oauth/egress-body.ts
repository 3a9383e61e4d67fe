// Reads an answer's body up to a cap that is counted after decompression, so that a kilobyte of gzip cannot become a
// gigabyte of memory.
import { Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from 'node:zlib';

type CappedBody =
  | { readonly body: Buffer; readonly bodyProblem: null }
  | { readonly body: null; readonly bodyProblem: string };

type Decoder = ReturnType<typeof createGunzip>;

/** Never throws: a body that is too large, cut off or undecodable is null with its problem. */
export async function readCappedBody(
  source: Readable,
  options: { readonly encoding: string | null; readonly maxBytes: number },
): Promise<CappedBody> {
  // Destroying a stream that nobody listens to any more would end the process.
  source.on('error', () => {});
  const coding = (options.encoding ?? 'identity').trim().toLowerCase();
  if (!codings.has(coding)) {
    source.destroy();
    return problem(`content-encoding "${coding.slice(0, 40)}" is not supported`);
  }
  try {
    const wire = await collect(source, options.maxBytes);
    if (wire === null) return problem(`longer than ${options.maxBytes} bytes`);
    const decoder = wire.length === 0 ? null : decoderFor(coding, wire);
    if (decoder === null) return { body: wire, bodyProblem: null };
    const body = await collect(Readable.from([wire]).pipe(decoder), options.maxBytes);
    if (body === null) return problem(`longer than ${options.maxBytes} bytes after decompression`);
    return { body, bodyProblem: null };
  } catch (error) {
    return problem(`cut off or undecodable (${error instanceof Error ? error.name : 'error'})`);
  }
}

const codings = new Set(['identity', '', 'gzip', 'x-gzip', 'deflate', 'br']);

function decoderFor(coding: string, wire: Buffer): Decoder | null {
  if (coding === 'gzip' || coding === 'x-gzip') return createGunzip();
  if (coding === 'br') return createBrotliDecompress();
  if (coding !== 'deflate') return null;
  // RFC 9110 8.4.1.2 means zlib, many servers send the bare stream: the first byte tells (RFC 1950 2.2).
  return ((wire[0] ?? 0) & 0x0f) === 8 ? createInflate() : createInflateRaw();
}

/** Null when there is more than the cap; the rest is neither read nor kept. */
async function collect(source: Readable, maxBytes: number): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of source) {
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk);
    length += bytes.length;
    if (length > maxBytes) {
      source.destroy();
      return null;
    }
    chunks.push(bytes);
  }
  return Buffer.concat(chunks, length);
}

function problem(bodyProblem: string): CappedBody {
  return { body: null, bodyProblem };
}
