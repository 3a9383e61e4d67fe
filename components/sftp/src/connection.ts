// The two ways to sign in at an SFTP server, and a session made from either.
import { createHash } from 'node:crypto';
import { type Connection, ConnectionError, connection, input, util } from '@prismatic-io/spectral';
import Client from 'ssh2-sftp-client';

const username = { label: 'User name', type: 'string', required: true } as const;

export const basic = connection({
  key: 'basic',
  display: { label: 'Password', description: 'User name and password' },
  inputs: { username, password: { label: 'Password', type: 'password', required: true } },
});

export const privateKey = connection({
  key: 'privateKey',
  display: { label: 'Private key', description: 'User name and private key' },
  inputs: {
    username,
    privateKey: { label: 'Private key', type: 'text', required: true, comments: 'In PEM or OpenSSH form' },
    passphrase: { label: 'Passphrase', type: 'password', required: false },
  },
});

/** Inputs that every action takes. */
export const server = {
  connection: input({ label: 'Connection', type: 'connection', required: true }),
  host: input({ label: 'Host', type: 'string', required: true, clean: util.types.toString }),
  port: input({
    label: 'Port',
    type: 'string',
    required: false,
    default: '22',
    clean: (value) => util.types.toInt(value, 22),
  }),
  hostFingerprint: input({
    label: 'Host key fingerprint',
    type: 'string',
    required: false,
    comments: 'The SHA-256 fingerprint of the host key; with it no other server is talked to',
    example: 'SHA256:jzXpaCGfCOm...',
    clean: util.types.toString,
  }),
};

type Server = {
  readonly connection: Connection;
  readonly host: string;
  readonly port: number;
  readonly hostFingerprint: string;
};

/** Runs `use` with a session that is ended afterwards. */
export async function withSftp<T>(where: Server, use: (sftp: Client) => Promise<T>): Promise<T> {
  const sftp = new Client();
  let isRefused = false;
  let hasForeignKey = false;
  // The library passes on only a text; the kind of error is known to the SSH client alone.
  sftp.on('error', (error: Error & { readonly level?: string }) => {
    if (error.level === 'client-authentication') isRefused = true;
  });
  try {
    await sftp.connect({
      host: where.host,
      port: where.port,
      readyTimeout: 20_000,
      ...signInFields(where.connection),
      hostVerifier: (key: Buffer) => {
        hasForeignKey = !isExpectedKey(key, where.hostFingerprint);
        return !hasForeignKey;
      },
    });
    return await use(sftp);
  } catch (error) {
    if (hasForeignKey) throw new Error('The server showed another host key than the expected one.');
    if (isRefused) {
      throw new ConnectionError(where.connection, 'The SFTP server refused the user name or its secret.');
    }
    throw error;
  } finally {
    await sftp.end().catch(() => false);
  }
}

function signInFields(credentials: Connection): object {
  const field = (key: string): string => util.types.toString(credentials.fields[key]);
  if (credentials.key === privateKey.key) {
    const passphrase = field('passphrase');
    return {
      username: field('username'),
      privateKey: field('privateKey'),
      ...(passphrase === '' ? {} : { passphrase }),
    };
  }
  return { username: field('username'), password: field('password') };
}

function isExpectedKey(key: Buffer, fingerprint: string): boolean {
  if (fingerprint === '') return true;
  const found = createHash('sha256').update(key).digest('base64').replace(/=+$/, '');
  return fingerprint.replace(/^SHA256:/, '').replace(/=+$/, '') === found;
}
