// Where a sealed value belongs. Every seal binds it, so a ciphertext opens nowhere else: not in another tenant,
// record or field, and not after the record's own counter has moved on.
import { Fault } from '../kernel/fault.ts';
import type { TenantId } from '../kernel/ids.ts';

/** Kinds of record that hold sealed values. Closed: a new one is also a new row in `sealed-columns.ts`. */
export const recordTypes = [
  'auth_client',
  'auth_client_secret',
  'authorization',
  'config_default',
  'config_variable_field',
  'connection',
  'connection_field',
  'credential_value',
  'execution',
  'grant',
  'invitation',
  'revocation',
  'signing_key',
  'step',
  'template_value',
  'webhook',
] as const;

export type RecordType = (typeof recordTypes)[number];

export type Place = {
  readonly tenant: TenantId;
  readonly record: RecordType;
  readonly recordId: string;
  readonly field: string;
  /** The record's own counter (value_no, token_no, ...); 0 where a value is written once. */
  readonly counter: number;
};

const label = 'latchkey/place/v1';
const loneSurrogate = /\p{Surrogate}/u;

/**
 * The place as bytes: each part with its length in front, so that no two places share an encoding
 * ("ab" + "c" against "a" + "bc"). Never JSON: its spellings of one value are many.
 */
export function encodePlace(installation: string, place: Place): Buffer {
  const counter = Buffer.alloc(8);
  if (!Number.isSafeInteger(place.counter) || place.counter < 0) {
    throw new Fault('internal', 'The counter of a sealed value must be a whole number.');
  }
  counter.writeBigUInt64BE(BigInt(place.counter));
  return encodeParts([label, installation, place.tenant, place.record, place.recordId, place.field, counter]);
}

/** Injective: two different lists never give the same bytes. */
export function encodeParts(parts: readonly (string | Buffer)[]): Buffer {
  const pieces: Buffer[] = [];
  for (const part of parts) {
    const bytes = typeof part === 'string' ? utf8(part) : part;
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    pieces.push(length, bytes);
  }
  return Buffer.concat(pieces);
}

// UTF-8 turns every lone surrogate into the same U+FFFD: two different texts would become one.
function utf8(text: string): Buffer {
  if (loneSurrogate.test(text)) throw new Fault('internal', 'The place of a sealed value is not valid text.');
  return Buffer.from(text, 'utf8');
}
