import { createHash } from 'node:crypto';
import ssh2 from 'ssh2';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeSshKey } from '../../../demo/stand-ins/ssh-key';
import { dataOf, setUpBench } from '../../testing/bench';
import { type SftpStandIn, startSftpServer } from '../../testing/sftp-server';

const { run } = setUpBench('sftp');
const hostKey = makeSshKey();
const userKey = makeSshKey();
const account = { username: 'hooli', password: 'planted-password', publicKey: userKey.public };
const basic = {
  key: 'basic',
  configVarKey: 'SFTP',
  fields: { username: 'hooli', password: account.password },
};
const byKey = {
  key: 'privateKey',
  configVarKey: 'SFTP',
  fields: { username: 'hooli', privateKey: userKey.private },
};

let server: SftpStandIn;
beforeAll(async () => {
  server = await startSftpServer(hostKey.private, account);
});
afterAll(() => server.close());
const where = (): object => ({ host: '127.0.0.1', port: server.port });

test.each([
  ['a password', basic],
  ['a private key', byKey],
])('with %s a file is written, listed and read back', async (_name, connection) => {
  const contents = Buffer.from([0, 1, 2, 255]);
  const path = '/out/address.bin';
  const written = await run('writeFile', { connection, ...where(), path, contents });
  expect(dataOf(written)).toEqual({ path, size: 4 });
  expect(server.files.get(path)).toEqual(contents);
  expect(dataOf(await run('listDirectory', { connection, ...where(), path: '/out' }))).toEqual([
    { name: 'address.bin', type: 'file', size: 4, modifiedAt: '2023-11-14T22:13:20.000Z' },
  ]);
  expect(dataOf(await run('readFile', { connection, ...where(), path }))).toEqual(contents);
});

test('a refused password or key is a connection error without the secret', async () => {
  const wrongPassword = { ...basic, fields: { ...basic.fields, password: 'wrong-password' } };
  const otherKey = makeSshKey().private;
  const wrongKey = { ...byKey, fields: { ...byKey.fields, privateKey: otherKey } };
  for (const connection of [wrongPassword, wrongKey]) {
    const outcome = await run('listDirectory', { connection, ...where(), path: '/' });
    expect(outcome).toMatchObject({
      kind: 'error',
      isConnectionError: true,
      connection: { key: connection.key, configVarKey: 'SFTP' },
    });
    expect(JSON.stringify(outcome)).not.toContain('wrong-password');
  }
});

test('a missing file and an unreachable server are errors of the step', async () => {
  const missing = await run('readFile', { connection: basic, ...where(), path: '/none' });
  expect(missing).toMatchObject({ kind: 'error', isConnectionError: false });
  const unreachable = await run('readFile', { connection: basic, host: '127.0.0.1', port: 1, path: '/none' });
  expect(unreachable).toMatchObject({
    kind: 'error',
    isConnectionError: false,
    message: expect.stringContaining('ECONNREFUSED'),
  });
});

test('with a fingerprint given, another host key ends the step before anybody signs in', async () => {
  const key = ssh2.utils.parseKey(hostKey.public);
  const publicBytes = key instanceof Error ? Buffer.alloc(0) : key.getPublicSSH();
  const hostFingerprint = `SHA256:${createHash('sha256').update(publicBytes).digest('base64').replace(/=+$/, '')}`;
  const asked = { connection: basic, ...where(), path: '/out' };
  expect(await run('listDirectory', { ...asked, hostFingerprint })).toMatchObject({ kind: 'ok' });
  expect(await run('listDirectory', { ...asked, hostFingerprint: 'SHA256:AAAA' })).toMatchObject({
    kind: 'error',
    isConnectionError: false,
    message: expect.stringContaining('another host key'),
  });
});
