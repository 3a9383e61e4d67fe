// The certificate and the key that we serve with, tried before anything is started: what is wrong with them in words.
import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { Config } from '../config.ts';
import { Fault } from '../kernel/fault.ts';

type TlsSettings = NonNullable<Config['tls']>;

export type TlsPair = { readonly cert: Buffer; readonly key: Buffer };

export function readTlsFiles(files: Config['tls']): TlsPair | null {
  if (files === null) return null;
  const cert = readPem('TLS_CERT_FILE', files.certFile, 'certificate', /-----BEGIN (\w+ )?CERTIFICATE-----/);
  const key = readPem('TLS_KEY_FILE', files.keyFile, 'private key', /-----BEGIN (\w+ )*PRIVATE KEY-----/);
  try {
    // Never listens: what it refuses, the real one would refuse after everything else was started.
    createServer({ cert, key });
    // Of two kinds of key it takes both, and then fails whoever comes.
    if (createPublicKey(cert).equals(createPublicKey(key))) return { cert, key };
  } catch (error) {
    throw pairTrouble(error, files, key);
  }
  throw noPair(files);
}

function readPem(setting: string, file: string, what: string, mark: RegExp): Buffer {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw new Fault('cannot_start', `${setting}=${file} cannot be read (${codeOf(error)}).`, {
      cure: 'Give the path of a file that the user who runs Latchkey may read.',
      cause: error,
    });
  }
  if (mark.test(bytes.toString('latin1'))) return bytes;
  throw new Fault('cannot_start', `${setting}=${file} holds no ${what} in PEM.`, {
    cure: `Give a file with -----BEGIN ${what.toUpperCase()}-----.`,
  });
}

function pairTrouble(error: unknown, files: TlsSettings, key: Buffer): Fault {
  const code = codeOf(error);
  if (code === 'ERR_OSSL_X509_KEY_VALUES_MISMATCH') return noPair(files);
  if (/ENCRYPTED/.test(key.toString('latin1'))) {
    return new Fault('cannot_start', `The key in TLS_KEY_FILE=${files.keyFile} has a passphrase.`, {
      cure: 'Give one without, which only the user who runs Latchkey may read.',
      cause: error,
    });
  }
  const named = `TLS_CERT_FILE=${files.certFile} and TLS_KEY_FILE=${files.keyFile}`;
  return new Fault('cannot_start', `${named} cannot be used (${code}).`, {
    cure: 'Give a certificate and its private key, both whole and in PEM.',
    cause: error,
  });
}

function noPair({ certFile, keyFile }: TlsSettings): Fault {
  const problem = `TLS_KEY_FILE=${keyFile} is not the key of the first certificate in TLS_CERT_FILE=${certFile}.`;
  return new Fault('cannot_start', problem, {
    cure: 'Give the two files that belong together, your own certificate before those of authorities.',
  });
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
}
