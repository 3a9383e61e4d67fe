import ssh2, { type ParsedKey, type SignCallback } from 'ssh2';
import SftpClient from 'ssh2-sftp-client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/kernel/clock.ts';
import { type SftpStandIn, startSftpStandIn } from './sftp-stand-in.ts';
import { makeSshKey } from './ssh-key.ts';

const ed25519 = makeSshKey();
const rsa = ssh2.utils.generateKeyPairSync('rsa', { bits: 2048 });
const stranger = makeSshKey();
const open: SftpClient[] = [];
let sftp: SftpStandIn;

beforeAll(async () => {
  sftp = await startSftpStandIn({
    clock: systemClock,
    users: [
      { username: 'hooli', password: 'nucleus-2014', publicKey: ed25519.public },
      { username: 'rsa', publicKey: rsa.public },
    ],
    files: {
      '/inbox/orders.csv': 'id,total\n1,20\n',
      '/inbox/old/2023.csv': 'id,total\n',
      '/notes.txt': 'hi',
      ...Object.fromEntries(Array.from({ length: 120 }, (_, number) => [`/many/${number}`, 'x'])),
    },
  });
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((client) => client.end()));
});
afterAll(() => sftp.close());

/** Without these the client writes every hang-up of the server to the console. */
const silent = { error: () => undefined, end: () => undefined, close: () => undefined };
type Login = Parameters<SftpClient['connect']>[0];

async function connect(login: Login): Promise<SftpClient> {
  const client = new SftpClient('test', silent);
  await client.connect({ host: sftp.host, port: sftp.port, ...login });
  open.push(client);
  return client;
}
const byPassword = () => connect({ username: 'hooli', password: 'nucleus-2014' });

describe('the SFTP stand-in lets in', () => {
  it.each<[string, Login]>([
    ['the right password', { username: 'hooli', password: 'nucleus-2014' }],
    ['the holder of an Ed25519 key', { username: 'hooli', privateKey: ed25519.private }],
    ['the holder of an RSA key', { username: 'rsa', privateKey: rsa.private }],
  ])('%s', async (_what, login) => {
    expect(await (await connect(login)).exists('/notes.txt')).toBe('-');
  });

  it.each<[string, Login]>([
    ['a wrong password', { username: 'hooli', password: 'nucleus-2015' }],
    ['no password', { username: 'hooli', password: '' }],
    ['a user without password who sends one', { username: 'rsa', password: '\0' }],
    ['an unknown user', { username: 'gavin', password: 'nucleus-2014' }],
    ["a stranger's key", { username: 'hooli', privateKey: stranger.private }],
    ["one user's key for another", { username: 'rsa', privateKey: ed25519.private }],
  ])('never %s', async (_what, login) => {
    await expect(connect(login)).rejects.toThrow(/authentication methods failed/i);
    expect(sftp.ledger.entries().at(-1)).toMatchObject({ refusal: 'permissionDenied' });
  });

  it('never somebody who shows the right public key and signs with another', async () => {
    await expect(connect({ username: 'hooli', agent: new ForgingAgent() })).rejects.toThrow();
    expect(sftp.ledger.entries().at(-1)).toMatchObject({
      operation: 'AUTH publickey',
      refusal: 'permissionDenied',
    });
  });
});

describe('the SFTP stand-in', () => {
  it('proves its host key, and names itself a stand-in before anybody logs in', async () => {
    const client = new ssh2.Client();
    const banner = await new Promise<string>((resolve, reject) => {
      client.on('banner', resolve).on('error', reject);
      client.connect({
        host: sftp.host,
        port: sftp.port,
        username: 'hooli',
        password: 'nucleus-2014',
        hostHash: 'sha256',
        hostVerifier: (hex: string) =>
          `SHA256:${Buffer.from(hex, 'hex').toString('base64').replace(/=+$/, '')}` === sftp.hostFingerprint,
      });
    });
    client.end();
    expect(banner).toContain('stand-in');
  });

  it('lists folders with kinds and sizes', async () => {
    const list = await (await byPassword()).list('/inbox');
    expect(list.map(({ name, type, size }) => [name, type, size])).toEqual([
      ['old', 'd', 0],
      ['orders.csv', '-', 14],
    ]);
  });

  it('lists a folder that needs more than one answer', async () => {
    const client = await byPassword();
    expect((await client.list('/many')).length).toBe(120);
    await client.rmdir('/many', true);
    expect(await client.exists('/many')).toBe(false);
  });

  it('takes a file, gives it back byte for byte, and forgets it when removed', async () => {
    const client = await byPassword();
    const content = Buffer.alloc(300_000, 'address\n');
    await client.put(content, '/inbox/address.txt');
    expect(sftp.fileAt('/inbox/address.txt')?.equals(content)).toBe(true);
    expect(content.equals((await client.get('/inbox/address.txt')) as Buffer)).toBe(true);
    await client.put(Buffer.from('short'), '/inbox/address.txt');
    expect(String(await client.get('/inbox/address.txt'))).toBe('short');
    await client.append(Buffer.from(' and more'), '/inbox/address.txt');
    expect(String(sftp.fileAt('/inbox/address.txt'))).toBe('short and more');
    expect((await client.stat('/inbox/address.txt')).size).toBe(14);
    await client.rename('/inbox/address.txt', '/inbox/moved.txt');
    await client.delete('/inbox/moved.txt');
    expect(await client.exists('/inbox/moved.txt')).toBe(false);
    expect(sftp.fileAt('/inbox/moved.txt')).toBeNull();
  });

  it('resolves paths and lets none lead above the root', async () => {
    const client = await byPassword();
    expect(await client.realPath('/inbox/../notes.txt')).toBe('/notes.txt');
    expect(await client.realPath('../../../../etc')).toBe('/etc');
    expect(await client.cwd()).toBe('/');
  });

  it.each<[string, (client: SftpClient) => Promise<unknown>]>([
    ['a file that is not there', (client) => client.get('/inbox/none.csv')],
    ['a folder that is not there', (client) => client.list('/outbox')],
    ['a file as a folder', (client) => client.list('/notes.txt')],
    ['a folder as a file', (client) => client.get('/inbox')],
    ['writing into a folder that is not there', (client) => client.put(Buffer.from('x'), '/outbox/x')],
    ['removing a folder that is not empty', (client) => client.rmdir('/inbox')],
    ['moving a folder into itself', (client) => client.rename('/inbox', '/inbox/old/inbox')],
    ['moving onto another file', (client) => client.rename('/notes.txt', '/inbox/orders.csv')],
  ])('refuses %s', async (_what, act) => {
    await expect(act(await byPassword())).rejects.toThrow();
    expect(String(sftp.fileAt('/inbox/orders.csv'))).toContain('id,total');
    expect(String(sftp.fileAt('/notes.txt'))).toBe('hi');
  });

  it('keeps a ledger of who did what, with fingerprints for passwords', async () => {
    await (await byPassword()).get('/inbox/orders.csv');
    const entries = sftp.ledger.entries();
    const read = entries.findLast(({ operation }) => operation === 'OPEN');
    const login = entries.findLast(({ operation }) => operation === 'AUTH password');
    expect(read).toMatchObject({ path: '/inbox/orders.csv', status: 0, refusal: null });
    expect(read?.fingerprint).toBe(login?.fingerprint);
    expect(JSON.stringify(entries)).not.toMatch(/nucleus/);
  });
});

/** Offers the admitted public key, but has only the stranger's private one to sign with. */
class ForgingAgent extends ssh2.BaseAgent<ParsedKey> {
  override getIdentities(callback: (error: Error | undefined, keys?: ParsedKey[]) => void): void {
    callback(undefined, [parsed(ed25519.public)]);
  }

  override sign(...args: unknown[]): void {
    const data = args[1] as Buffer;
    const callback = args.at(-1) as SignCallback;
    callback(undefined, parsed(stranger.private).sign(data));
  }
}

function parsed(text: string): ParsedKey {
  const key = ssh2.utils.parseKey(text);
  if (key instanceof Error) throw key;
  return key;
}
