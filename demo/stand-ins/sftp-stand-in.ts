// The SFTP stand-in: a real SSH server (the ssh2 library) that lets in by password or by proof of a private key.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import ssh2, { type AuthContext, type Connection, type ParsedKey, type PublicKeyAuthContext } from 'ssh2';
import type { Clock } from '../../src/kernel/clock.ts';
import { createLedger, fingerprint, type Ledger } from './ledger.ts';
import { serveSftp } from './sftp-session.ts';
import { absolutePath, contentOf, type SftpStatus, sftpStatus, sftpTree } from './sftp-tree.ts';
import { makeSshKey } from './ssh-key.ts';

export type SftpUser = {
  readonly username: string;
  readonly password?: string;
  /** One line as in authorized_keys. */
  readonly publicKey?: string;
};

export type SftpStandInOptions = {
  readonly clock: Clock;
  readonly users: readonly SftpUser[];
  readonly files: Readonly<Record<string, string | Buffer>>;
};

export type SftpStandIn = {
  readonly host: string;
  readonly port: number;
  /** As ssh shows it, for clients that pin the host. */
  readonly hostFingerprint: string;
  readonly ledger: Ledger;
  /** A file's content without asking over the wire, `null` if there is none: for those who judge. */
  readonly fileAt: (path: string) => Buffer | null;
  readonly close: () => Promise<void>;
};

/** OpenSSH's MaxAuthTries. */
const maxAttempts = 6;

export async function startSftpStandIn(options: SftpStandInOptions): Promise<SftpStandIn> {
  // A key that cannot be read is the starter's mistake and is told now, not to the first client.
  for (const { publicKey } of options.users) if (publicKey !== undefined) parsedKey(publicKey);
  const ledger = createLedger(options.clock);
  const tree = sftpTree(options.files, options.clock);
  const hostKey = makeSshKey();
  const connections = new Set<Connection>();
  const server = new ssh2.Server(
    {
      hostKeys: [hostKey.private],
      ident: 'latchkey-sftp-stand-in',
      banner: 'This is the SFTP stand-in of Latchkey, not a real file server.\n',
    },
    (connection) => {
      connections.add(connection);
      sendAtOnce(connection);
      connection.on('close', () => connections.delete(connection));
      // A client that hangs up in the middle is its own affair; without a listener it would end the process.
      connection.on('error', () => connections.delete(connection));
      const session = { who: null as string | null };
      const record = (operation: string, path: string, status: SftpStatus) => {
        if (isPiece(operation) && (status === sftpStatus.ok || status === sftpStatus.eof)) return;
        ledger.record({ operation, path, fingerprint: session.who, status, refusal: wordOf(status) });
      };
      admit(connection, options.users, (operation, username, status, shown) => {
        session.who = shown;
        record(operation, username, status);
      });
      connection.on('session', (accept) => {
        accept().on('sftp', (acceptSftp) => serveSftp(acceptSftp(), tree, record));
      });
    },
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve());
  });
  return {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    hostFingerprint: hostFingerprint(hostKey.public),
    ledger,
    fileAt: (path) => {
      const [name, folder] = [absolutePath(path).split('/').at(-1), absolutePath(`${path}/..`)];
      const node = tree.list(folder).find(([other]) => other === name)?.[1];
      return node?.kind === 'file' ? Buffer.from(contentOf(node)) : null;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const connection of connections) connection.end();
      }),
  };
}

type OnAttempt = (operation: string, username: string, status: SftpStatus, shown: string | null) => void;

/** Small packets that answer each other: held back, each would wait 40 ms for an acknowledgement. Missing in the types. */
function sendAtOnce(connection: Connection & { readonly setNoDelay?: () => void }): void {
  connection.setNoDelay?.();
}

function admit(connection: Connection, users: readonly SftpUser[], onAttempt: OnAttempt): void {
  let attempts = 0;
  connection.on('authentication', (context) => {
    // Every client begins with "none" to learn the methods.
    if (context.method === 'none') return context.reject(['publickey', 'password']);
    const isGood = isAdmitted(context, users);
    const isQuestion = context.method === 'publickey' && context.signature === undefined;
    if (!isQuestion || !isGood) {
      const status = isGood ? sftpStatus.ok : sftpStatus.permissionDenied;
      onAttempt(`AUTH ${context.method}`, context.username, status, shownIn(context));
    }
    if (isGood) return context.accept();
    attempts += 1;
    if (attempts >= maxAttempts) return connection.end();
    return context.reject(['publickey', 'password']);
  });
}

function isAdmitted(context: AuthContext, users: readonly SftpUser[]): boolean {
  const user = users.find(({ username }) => isSame(username, context.username));
  if (context.method === 'password') {
    // An unknown user costs the same comparison, against something that nobody can send.
    return isSame(context.password, user?.password ?? '\0') && user?.password !== undefined;
  }
  if (context.method === 'publickey')
    return user?.publicKey !== undefined && holdsKey(context, user.publicKey);
  return false;
}

/** Without a signature the client only asks whether the key would do; the library then answers yes and admits nobody. */
function holdsKey(context: PublicKeyAuthContext, publicKey: string): boolean {
  const allowed = parsedKey(publicKey);
  if (context.key.algo !== allowed.type || !isSame(context.key.data, allowed.getPublicSSH())) return false;
  if (context.signature === undefined) return true;
  if (context.blob === undefined) return false;
  return allowed.verify(context.blob, context.signature, context.hashAlgo) === true;
}

function shownIn(context: AuthContext): string | null {
  if (context.method === 'password') return fingerprint(context.password);
  return context.method === 'publickey' ? fingerprint(context.key.data) : null;
}

function isSame(given: string | Buffer, expected: string | Buffer): boolean {
  const digest = (value: string | Buffer) => createHash('sha256').update(value).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

/** Pieces of what OPEN and OPENDIR have already said; only their refusals are news. */
function isPiece(operation: string): boolean {
  return operation === 'READ' || operation === 'WRITE' || operation === 'READDIR';
}

function wordOf(status: SftpStatus): string | null {
  const word = Object.entries(sftpStatus).find(([, number]) => number === status)?.[0];
  return status === sftpStatus.ok ? null : (word ?? String(status));
}

function hostFingerprint(publicKey: string): string {
  const digest = createHash('sha256').update(parsedKey(publicKey).getPublicSSH()).digest('base64');
  return `SHA256:${digest.replace(/=+$/, '')}`;
}

function parsedKey(publicKey: string): ParsedKey {
  const parsed = ssh2.utils.parseKey(publicKey);
  if (parsed instanceof Error) throw parsed;
  return parsed;
}
