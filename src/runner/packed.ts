// Values between steps, as bytes: MessagePack, because results hold files beside plain data.
import { decode, encode } from '@msgpack/msgpack';
import { Plain } from '../kernel/plain.ts';

/** As deep as what host processes may send. */
const maxDepth = 220;

export function pack(value: unknown): Plain {
  const bytes = encode(plainNumbers(value, 0), { maxDepth, ignoreUndefined: true });
  return Plain.fromBytes(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
}

export function unpack(plain: Plain): unknown {
  return decode(plain.revealBytes());
}

/** Clients read numbers as numbers; what is too large for one travels as text. */
function plainNumbers(value: unknown, depth: number): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || value instanceof Date) {
    return value;
  }
  if (depth > maxDepth) throw new RangeError('nested too deeply');
  if (Array.isArray(value)) return value.map((item) => plainNumbers(item, depth + 1));
  // What reads these bytes, here and in clients, refuses the name: one member must not cost the rest.
  const entries = Object.entries(value).filter(([key]) => key !== '__proto__');
  return Object.fromEntries(entries.map(([key, item]) => [key, plainNumbers(item, depth + 1)]));
}
