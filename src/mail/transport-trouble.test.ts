// What the transport does when the server, the network or the settings are in the way.
import { createServer, type Server } from 'node:net';
import { inspect } from 'node:util';
import { afterEach, expect, test } from 'vitest';
import { systemClock } from '../kernel/clock.ts';
import { isFault } from '../kernel/fault.ts';
import { Plain } from '../kernel/plain.ts';
import { createMailer } from './create-mailer.ts';
import { invitationMessage } from './invitation-message.ts';
import { base, closeAll, mailerTo, smtpServer } from './smtp-server.fixture.ts';
import { smtpOptions } from './transport.ts';

afterEach(closeAll);

test('the user and password of the settings are used, percent-decoded', async () => {
  const server = await smtpServer({ authOptional: false });
  await mailerTo(`smtp://mail%40acme:right%20p%40ss@127.0.0.1:${server.port}`).send(invitationMessage(base));
  expect(server.logins).toEqual(['mail@acme']);
  expect(server.received).toHaveLength(1);
});

test('a wrong password is the operator’s trouble: tried again, and shown nowhere', async () => {
  const server = await smtpServer({ authOptional: false });
  const failure = await sendFailure(`smtp://mail:wrong-secret@127.0.0.1:${server.port}`);
  expect(isFault(failure, 'unavailable')).toBe(true);
  expect(inspect(failure, { depth: 8 })).not.toContain('wrong-secret');
});

test.each([
  [550, 'mail_refused'],
  [553, 'mail_refused'],
  [421, 'unavailable'],
  [451, 'unavailable'],
] as const)('a recipient answered with %i is %s', async (responseCode, code) => {
  const server = await smtpServer({
    onRcptTo: (_address, _session, done) => done(Object.assign(new Error('no'), { responseCode })),
  });
  expect(isFault(await sendFailure(`smtp://127.0.0.1:${server.port}`), code)).toBe(true);
});

test.each([
  [554, 'mail_refused'],
  [452, 'unavailable'],
] as const)('content answered with %i is %s', async (responseCode, code) => {
  const server = await smtpServer({
    onData: (stream, _session, done) => {
      stream.resume();
      stream.on('end', () => done(Object.assign(new Error('no'), { responseCode })));
    },
  });
  expect(isFault(await sendFailure(`smtp://127.0.0.1:${server.port}`), code)).toBe(true);
});

test('a refused sender is the operator’s trouble, not this mail’s', async () => {
  const server = await smtpServer({
    onMailFrom: (_address, _session, done) => done(Object.assign(new Error('no'), { responseCode: 550 })),
  });
  expect(isFault(await sendFailure(`smtp://127.0.0.1:${server.port}`), 'unavailable')).toBe(true);
});

test('a server that cannot be reached, or hangs up, is transient', async () => {
  const server = createServer((socket) => socket.end());
  const port = await listen(server);
  expect(isFault(await sendFailure(`smtp://127.0.0.1:${port}`), 'unavailable')).toBe(true);
  await new Promise((resolve) => server.close(resolve));
  expect(isFault(await sendFailure(`smtp://127.0.0.1:${port}`), 'unavailable')).toBe(true);
});

test('without TLS nothing but a greeting goes to another host', async () => {
  // 0.0.0.0 is not loopback by name, yet the kernel connects it to this machine: a stand-in for a remote host.
  const lines: string[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.write('220 hi\r\n');
    socket.on('data', (chunk) => {
      lines.push(...chunk.toString('latin1').trim().split('\r\n'));
      socket.write('250 AUTH PLAIN LOGIN\r\n');
    });
  });
  const port = await listen(server, '0.0.0.0');
  const failure = await sendFailure(`smtp://user:sesame@0.0.0.0:${port}`);
  expect(isFault(failure, 'unavailable')).toBe(true);
  expect(
    lines.filter((line) => /AUTH|MAIL|RCPT|DATA|sesame|c2VzYW1l/.test(line)),
    lines.join('\n'),
  ).toEqual([]);
  await new Promise((resolve) => server.close(resolve));
});

test('a certificate that nobody vouches for is refused', async () => {
  const server = await smtpServer({ secure: true });
  const failure = await sendFailure(`smtps://127.0.0.1:${server.port}`);
  expect(isFault(failure, 'unavailable')).toBe(true);
  expect(server.received).toEqual([]);
});

test('TLS is required for every host that is not this machine', () => {
  const options = (url: string) => smtpOptions(Plain.fromText(url));
  expect(options('smtp://mail.example')).toMatchObject({ port: 587, requireTLS: true, ignoreTLS: false });
  expect(options('smtps://mail.example')).toMatchObject({ port: 465, secure: true });
  expect(options('smtp://127.0.0.1.evil.example')).toMatchObject({ requireTLS: true });
  expect(options('smtp://[::1]:25')).toMatchObject({ host: '::1', port: 25, requireTLS: false });
  expect(options('smtp://mail.example')).toMatchObject({ tls: { minVersion: 'TLSv1.2' } });
});

test.each([
  'http://mail.example',
  'mail.example:587',
  'smtp://',
  'smtp://h/path',
  'smtp://h?tls=off',
  'smtp://h:99999',
  'smtp://u:%ff@h',
])('the SMTP address %s stops the start without being shown', (url) => {
  const refused = failureOf(() => smtpOptions(Plain.fromText(url)));
  expect(isFault(refused, 'cannot_start')).toBe(true);
  expect(isFault(refused) && refused.public.split('smtp://user')[0]).not.toContain(url);
});

test.each(['nobody', 'A <a@b.example>, B <c@d.example>', 'A\r\nBcc: x@y.example <a@b.example>', null])(
  'the sender %j stops the start',
  (from) => {
    const refused = failureOf(() =>
      createMailer({
        smtpUrl: Plain.fromText('smtps://h'),
        from,
        dataDirectory: '/nonexistent',
        clock: systemClock,
      }),
    );
    expect(isFault(refused, 'cannot_start')).toBe(true);
  },
);

function failureOf(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return null;
}

async function sendFailure(url: string): Promise<unknown> {
  return mailerTo(url)
    .send(invitationMessage(base))
    .then(
      () => null,
      (error: unknown) => error,
    );
}

async function listen(server: Server, host = '127.0.0.1'): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
