// Several values as one run of bytes, each with its length in front, so that two different lists never give the same
// bytes ("ab" + "c" against "a" + "bc"). What is authenticated or hashed is encoded so, never as JSON, which has many
// spellings of one value.
import { Fault } from './fault.ts';

const loneSurrogate = /\p{Surrogate}/u;

/** Injective. Text must be well-formed: UTF-8 would turn every lone surrogate into the same character. */
export function encodeParts(parts: readonly (string | Buffer)[]): Buffer {
  const pieces: Buffer[] = [];
  for (const part of parts) {
    if (typeof part === 'string' && loneSurrogate.test(part))
      throw new Fault('internal', 'Text is not valid Unicode.');
    const bytes = typeof part === 'string' ? Buffer.from(part, 'utf8') : part;
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    pieces.push(length, bytes);
  }
  return Buffer.concat(pieces);
}
