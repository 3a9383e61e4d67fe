import { createHmac, createSecretKey, randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { isFault } from '../kernel/fault.ts';
import { newId } from '../kernel/ids.ts';
import { Plain } from '../kernel/plain.ts';
import { openBytes, sealBytes } from './aead.ts';
import { encodePlace, type Place } from './place.ts';
import { parse, type Sealed, sealedOverhead, serialise } from './sealed.ts';

const installation = newId<never>();
const key = numberedKey(randomBytes(32));
const place: Place = {
  tenant: newId(),
  record: 'credential_value',
  recordId: newId<never>(),
  field: 'api_key',
  counter: 7,
};
const aad = encodePlace(installation, place);

function numberedKey(material: Buffer, keyNo = 1) {
  return { keyId: randomBytes(16), keyNo, key: createSecretKey(material) };
}

/** True when opening throws the vault's own fault; any other outcome is a failure of the test. */
function isRefused(sealed: Buffer, other: { key?: typeof key; aad?: Buffer } = {}): boolean {
  try {
    openBytes(sealed as Sealed, { key, aad, ...other });
    return false;
  } catch (error) {
    if (!isFault(error, 'internal')) throw error;
    return true;
  }
}

test('what was sealed is opened again, also nothing at all and a megabyte', () => {
  for (const length of [0, 1, 15, 16, 17, 1200, 1_048_576]) {
    const bytes = randomBytes(length);
    const sealed = sealBytes(Plain.fromBytes(Buffer.from(bytes)), { key, aad });
    expect(sealed.length).toBe(length + sealedOverhead);
    expect(openBytes(sealed, { key, aad }).revealBytes().equals(bytes)).toBe(true);
  }
});

test('each of the bits of a 1.2 KB sealed value is authenticated', () => {
  const sealed = sealBytes(Plain.fromBytes(randomBytes(1200 - sealedOverhead)), { key, aad });
  let refused = 0;
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const changed = Buffer.from(sealed);
    const at = bit >> 3;
    changed.writeUInt8(changed.readUInt8(at) ^ (1 << (bit & 7)), at);
    if (isRefused(changed)) refused++;
  }
  expect(refused).toBe(9600);
});

test('a value opens only in its own installation, tenant, record, field and counter', () => {
  const sealed = sealBytes(Plain.fromText('secret'), { key, aad });
  expect(isRefused(sealed)).toBe(false);
  const elsewhere: Place[] = [
    { ...place, tenant: newId() },
    { ...place, record: 'template_value' },
    { ...place, recordId: newId<never>() },
    { ...place, field: 'api_secret' },
    { ...place, counter: 6 },
    { ...place, counter: 8 },
  ];
  for (const other of elsewhere)
    expect(isRefused(sealed, { aad: encodePlace(installation, other) })).toBe(true);
  expect(isRefused(sealed, { aad: encodePlace(newId<never>(), place) })).toBe(true);
});

test('shortened tags and shortened values are refused', () => {
  const sealed = sealBytes(Plain.fromText('x'.repeat(64)), { key, aad });
  for (let cut = 1; cut <= 12; cut++) expect(isRefused(sealed.subarray(0, sealed.length - cut))).toBe(true);
  const parts = parse(sealed);
  for (let length = 0; length < 16; length++) {
    expect(isRefused(serialise({ ...parts, tag: parts.tag.subarray(0, length) }))).toBe(true);
  }
  for (let length = 0; length < sealedOverhead; length++)
    expect(isRefused(sealed.subarray(0, length))).toBe(true);
  expect(isRefused(Buffer.concat([sealed, Buffer.alloc(1)]))).toBe(true);
});

test('a value commits to its key: neither another key of the same name nor the same key under another name opens it', () => {
  const material = randomBytes(32);
  const own = numberedKey(material);
  const sealed = sealBytes(Plain.fromText('secret'), { key: own, aad });
  expect(isRefused(sealed, { key: own })).toBe(false);
  expect(isRefused(sealed, { key: { ...own, key: createSecretKey(randomBytes(32)) } })).toBe(true);
  expect(isRefused(sealed, { key: { ...own, keyNo: 2 } })).toBe(true);
  expect(isRefused(sealed, { key: { ...own, keyId: randomBytes(16) } })).toBe(true);
});

test('a forged commitment does not help: the derived half must match', () => {
  const sealed = sealBytes(Plain.fromText('secret'), { key, aad });
  const parts = parse(sealed);
  const derived = createHmac('sha512', key.key).update('latchkey/enc/v1').update(parts.salt).digest();
  expect(parts.commitment.equals(derived.subarray(32))).toBe(true);
  expect(isRefused(serialise({ ...parts, commitment: randomBytes(32) }))).toBe(true);
  expect(isRefused(serialise({ ...parts, salt: randomBytes(32) }))).toBe(true);
});

test('unknown formats and algorithms are errors, never a fallback', () => {
  const sealed = sealBytes(Plain.fromText('secret'), { key, aad });
  for (let value = 0; value < 256; value++) {
    for (const at of [0, 1]) {
      const changed = Buffer.from(sealed);
      changed.writeUInt8(value, at);
      expect(isRefused(changed)).toBe(value !== 1);
    }
  }
});

test('one plaintext sealed 100,000 times gives 100,000 different values', () => {
  const plain = Plain.fromText('the same secret');
  const seen = new Set<string>();
  for (let i = 0; i < 100_000; i++) seen.add(sealBytes(plain, { key, aad }).toString('latin1'));
  expect(seen.size).toBe(100_000);
}, 60_000);

test('neither keys nor plaintexts show when printed, and no error carries them', () => {
  const material = randomBytes(32);
  const own = numberedKey(material);
  const sealed = sealBytes(Plain.fromText('planted-secret'), { key: own, aad });
  const printed: string[] = [inspect(own, { depth: 9, showHidden: true }), JSON.stringify(own)];
  printed.push(inspect(openBytes(sealed, { key: own, aad }), { depth: 9, showHidden: true }));
  try {
    openBytes(sealed, { key: own, aad: Buffer.from('elsewhere') });
  } catch (error) {
    printed.push(inspect(error, { depth: 9, showHidden: true }), JSON.stringify(error));
  }
  for (const text of printed) {
    expect(text).not.toContain('planted-secret');
    expect(text).not.toContain(material.toString('hex'));
    expect(text).not.toContain(inspect(material).slice(8, 40));
  }
});
