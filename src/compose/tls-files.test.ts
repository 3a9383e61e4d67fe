import { generateKeyPairSync } from 'node:crypto';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isFault } from '../kernel/fault.ts';
import { readTlsFiles } from './tls-files.ts';

const fixtures = new URL('../hosts/fixtures/', import.meta.url);
let folder: string;
const at = (name: string) => join(folder, name);
const pkcs8 = { type: 'pkcs8', format: 'pem' } as const;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-tls-'));
  copyFileSync(new URL('localhost-cert.pem', fixtures), at('one.pem'));
  copyFileSync(new URL('localhost-key.pem', fixtures), at('one.key'));
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  writeFileSync(at('other.key'), privateKey.export(pkcs8));
  const lock = { cipher: 'aes-256-cbc', passphrase: 'open sesame' };
  writeFileSync(at('locked.key'), privateKey.export({ ...pkcs8, ...lock }));
  const { privateKey: rsa } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(at('rsa.key'), rsa.export(pkcs8));
  writeFileSync(at('cut.pem'), '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function refusal(cert: string, key: string): string {
  try {
    readTlsFiles({ certFile: at(cert), keyFile: at(key) });
  } catch (error) {
    if (isFault(error, 'cannot_start')) return error.public.replaceAll(`${folder}/`, '');
    throw error;
  }
  return 'taken';
}

test('a certificate with its key is taken', () => {
  expect(readTlsFiles(null)).toBe(null);
  expect(refusal('one.pem', 'one.key')).toBe('taken');
});

test.each([
  ['nope', 'one.key', /^TLS_CERT_FILE=nope cannot be read \(ENOENT\)\. Give the path/],
  ['one.pem', 'nope', /^TLS_KEY_FILE=nope cannot be read \(ENOENT\)\. Give the path/],
  ['one.key', 'one.key', /^TLS_CERT_FILE=one\.key holds no certificate in PEM\. Give a file/],
  ['one.pem', 'one.pem', /^TLS_KEY_FILE=one\.pem holds no private key in PEM\. Give a file/],
  ['one.pem', 'other.key', /^TLS_KEY_FILE=other\.key is not the key of .* in TLS_CERT_FILE=one\.pem\. Give/],
  ['one.pem', 'rsa.key', /^TLS_KEY_FILE=rsa\.key is not the key of .* in TLS_CERT_FILE=one\.pem\. Give/],
  ['one.pem', 'locked.key', /^The key in TLS_KEY_FILE=locked\.key has a passphrase\. Give one without/],
  [
    'cut.pem',
    'one.key',
    /^TLS_CERT_FILE=cut\.pem and TLS_KEY_FILE=one\.key cannot be used \(ERR_\w+\)\. Give/,
  ],
])('the certificate %s with the key %s is refused in a line that names the setting', (cert, key, words) => {
  expect(refusal(cert, key)).toMatch(words);
});
