// Where a sealed value belongs. Every seal binds it, so a ciphertext opens nowhere else: not in another tenant,
// record or field, and not after the record's own counter has moved on.
import { encodeParts } from '../kernel/encode-parts.ts';
import { Fault } from '../kernel/fault.ts';
import type { TenantId } from '../kernel/ids.ts';

/** Kinds of record that hold sealed values. Closed: a new one is also a new row in `sealed-columns.ts`. */
export const recordTypes = [
  'auth_client',
  'auth_client_secret',
  'authorization',
  'config_default',
  'credential_value',
  'execution',
  'grant',
  'instance',
  'instance_flow',
  'outside_flow',
  'revocation',
  'step',
  'template_value',
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

/** The place as bytes that no other place shares: the additional authenticated data of a seal. */
export function encodePlace(installation: string, place: Place): Buffer {
  if (!Number.isSafeInteger(place.counter) || place.counter < 0) {
    throw new Fault('internal', 'The counter of a sealed value must be a whole number.');
  }
  const counter = Buffer.alloc(8);
  counter.writeUInt32BE(Math.floor(place.counter / 2 ** 32), 0);
  counter.writeUInt32BE(place.counter % 2 ** 32, 4);
  return encodeParts([label, installation, place.tenant, place.record, place.recordId, place.field, counter]);
}
