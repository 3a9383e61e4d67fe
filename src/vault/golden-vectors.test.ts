// The vectors were made by another implementation of the format (Python's hmac and cryptography modules), so that
// they pin the bytes and not merely our own round trip. A change that breaks them makes stored secrets unreadable.
import { createSecretKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Plain } from '../kernel/plain.ts';
import { openBytes, sealBytes } from './aead.ts';
import { encodePlace, type Place } from './place.ts';
import { sealedFromColumn } from './sealed.ts';

type Vector = {
  readonly installation: string;
  readonly place: Place;
  readonly keyId: string;
  readonly keyNo: number;
  readonly key: string;
  readonly salt: string;
  readonly nonce: string;
  readonly plain: string;
  readonly aad: string;
  readonly sealed: string;
};

const file = new URL('./golden-vectors.json', import.meta.url);
const vectors = JSON.parse(readFileSync(file, 'utf8')) as readonly Vector[];
const hex = (text: string) => Buffer.from(text, 'hex');

test.each(vectors)('values sealed by any release are opened: $place.record', (vector) => {
  const key = { keyId: hex(vector.keyId), keyNo: vector.keyNo, key: createSecretKey(hex(vector.key)) };
  const aad = encodePlace(vector.installation, vector.place);
  expect(aad.toString('hex')).toBe(vector.aad);
  expect(openBytes(sealedFromColumn(hex(vector.sealed)), { key, aad }).revealText()).toBe(vector.plain);
  const draws = [hex(vector.salt), hex(vector.nonce)];
  const random = () => draws.shift() ?? Buffer.alloc(0);
  expect(sealBytes(Plain.fromText(vector.plain), { key, aad, random }).toString('hex')).toBe(vector.sealed);
});
