// Several values as one run of bytes, each with its length in front, so that two different lists never give the same
// bytes ("ab" + "c" against "a" + "bc"). What is authenticated or hashed is encoded so, never as JSON, which has many
// spellings of one value.
import { Fault } from './fault.ts';

const lengthBytes = 4;

/** Injective. Text must be well-formed: UTF-8 would turn every lone surrogate into the same character. */
export function encodeParts(parts: readonly (string | Buffer)[]): Buffer {
  let total = 0;
  for (const part of parts) total += lengthBytes + Buffer.byteLength(part);
  // Every byte is written below.
  const all = Buffer.allocUnsafe(total);
  let at = 0;
  for (const part of parts) {
    if (typeof part === 'string' && !part.isWellFormed())
      throw new Fault('internal', 'Text is not valid Unicode.');
    const from = at + lengthBytes;
    const written = typeof part === 'string' ? all.write(part, from) : part.copy(all, from);
    all.writeUInt32BE(written, at);
    at = from + written;
  }
  return all;
}
