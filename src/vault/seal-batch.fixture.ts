// A process of its own that seals one plaintext many times and sends the salts and nonces back.
import { createSecretKey } from 'node:crypto';
import { Plain } from '../kernel/plain.ts';
import { sealBytes } from './aead.ts';
import { parse } from './sealed.ts';

const key = { keyId: Buffer.alloc(16, 1), keyNo: 1, key: createSecretKey(Buffer.alloc(32, 2)) };
const plain = Plain.fromText('the same secret');
const chances: string[] = [];
for (let i = 0; i < Number(process.argv[2]); i++) {
  const { salt, nonce } = parse(sealBytes(plain, { key, aad: Buffer.from('place') }));
  chances.push(Buffer.concat([salt, nonce]).toString('base64'));
}
process.send?.(chances);
