// Judged by the bytes that a real SMTP server received on loopback.
import { createServer, type Server } from 'node:net';
import { inspect } from 'node:util';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { afterEach, expect, test } from 'vitest';
import { systemClock } from '../kernel/clock.ts';
import { isFault } from '../kernel/fault.ts';
import { Plain } from '../kernel/plain.ts';
import { type InvitationMail, invitationMessage } from './invitation-message.ts';
import { createMailer, type Mailer } from './mailer.ts';
import { smtpOptions } from './transport.ts';

type Received = { readonly from: string; readonly to: readonly string[]; readonly bytes: Buffer };

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function smtpServer(
  options: SMTPServerOptions = {},
): Promise<{ port: number; received: Received[]; logins: string[] }> {
  const received: Received[] = [];
  const logins: string[] = [];
  const server = new SMTPServer({
    disabledCommands: ['STARTTLS'],
    authOptional: true,
    onAuth: (auth, _session, done) => {
      logins.push(auth.username ?? '');
      if (auth.password === 'right p@ss') done(null, { user: auth.username });
      else done(new Error('no such user'));
    },
    onData: (stream, session, done) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        received.push({
          from: session.envelope.mailFrom === false ? '' : session.envelope.mailFrom.address,
          to: session.envelope.rcptTo.map((recipient) => recipient.address),
          bytes: Buffer.concat(chunks),
        });
        done();
      });
    },
    ...options,
  });
  server.on('error', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => new Promise((resolve) => server.close(() => resolve())));
  const address = server.server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { port: address.port, received, logins };
}

function mailerTo(url: string): Mailer {
  return createMailer({
    smtpUrl: Plain.fromText(url),
    from: 'Acme Connections <no-reply@acme.example>',
    dataDirectory: '/nonexistent',
    clock: systemClock,
  });
}

const publicUrl = new URL('https://connect.acme.example/');
const base: InvitationMail = {
  to: 'jo@hooli.example',
  organizationName: 'Acme',
  requesterName: 'Pat',
  customerName: 'Hooli',
  credentialLabel: 'Hooli Dropbox',
  serviceName: 'Dropbox',
  note: null,
  link: new URL('https://connect.acme.example/invitation/abc-DEF_123'),
  expiresAt: new Date('2026-11-23T19:00:00Z'),
  publicUrl,
};

async function delivered(mail: Partial<InvitationMail>): Promise<ReturnType<typeof readMail>> {
  const server = await smtpServer();
  await mailerTo(`smtp://127.0.0.1:${server.port}`).send(invitationMessage({ ...base, ...mail }));
  expect(server.received).toHaveLength(1);
  const [mailReceived] = server.received;
  if (mailReceived === undefined) throw new Error('nothing received');
  return { ...readMail(mailReceived.bytes), envelope: mailReceived };
}

/** A reader of its own (RFC 2045, 2047): the sender's library must not be its own judge. */
function readMail(bytes: Buffer): {
  headers: string;
  text: string;
  html: string;
  raw: string;
  envelope?: Received;
} {
  const raw = bytes.toString('latin1');
  const [head = '', ...rest] = raw.split('\r\n\r\n');
  const boundary = /boundary="([^"]+)"/.exec(head)?.[1] ?? 'none';
  const parts = rest.join('\r\n\r\n').split(`--${boundary}`);
  const part = (type: string) => {
    const found = parts.find((candidate) => candidate.includes(`Content-Type: ${type}`)) ?? '';
    const start = found.indexOf('\r\n\r\n') + 4;
    expect(found.slice(0, start)).toMatch(/Content-Transfer-Encoding: (quoted-printable|7bit)/);
    return quotedPrintable(found.slice(start)).replace(/\r\n/g, '\n');
  };
  return {
    raw,
    headers: head
      .replace(/\r\n[ \t]+/g, ' ')
      .replace(/\?= =\?/g, '?==?')
      .replace(/=\?UTF-8\?Q\?([^?]*)\?=/gi, (_all, word: string) => quotedPrintable(word.replace(/_/g, ' ')))
      .replace(/=\?UTF-8\?B\?([^?]*)\?=/gi, (_all, word: string) => Buffer.from(word, 'base64').toString()),
    text: part('text/plain'),
    html: part('text/html'),
  };
}

function quotedPrintable(text: string): string {
  const joined = text.replace(/=\r\n/g, '');
  const bytes = joined.replace(/=([0-9A-F]{2})/g, (_all, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

test('an invitation arrives whole: sender, recipient, who asks for what, one link, when it ends', async () => {
  const mail = await delivered({ note: 'Hi Jo,\nthis is what we talked about.' });
  expect(mail.envelope?.from).toBe('no-reply@acme.example');
  expect(mail.envelope?.to).toEqual(['jo@hooli.example']);
  expect(mail.headers).toContain('From: Acme Connections <no-reply@acme.example>');
  expect(mail.headers).toContain('Subject: “Acme” asks you to connect “Dropbox”');
  expect(mail.headers).toContain('Auto-Submitted: auto-generated');
  for (const words of [
    '“Pat” at “Acme”',
    '“Hooli”',
    '“Hooli Dropbox”',
    '> Hi Jo,\n> this is what',
    '2026-11-23 19:00 UTC',
  ]) {
    expect(mail.text).toContain(words);
  }
  expect(mail.text.match(/https?:\/\/\S+/g)).toEqual(['https://connect.acme.example/invitation/abc-DEF_123']);
  expect(mail.html.match(/href="([^"]*)"/g)).toEqual([
    'href="https://connect.acme.example/invitation/abc-DEF_123"',
  ]);
});

test('a name with markup is shown as text and no tag comes out of it', async () => {
  const label = '<a href=evil>click</a><img src=x onerror="x()">';
  const mail = await delivered({
    credentialLabel: label,
    organizationName: '<b>Acme</b>',
    requesterName: '"><script>',
    customerName: '<!-- ',
    serviceName: '&lt;i&gt;',
    note: '<a href=evil>please</a> & "thanks"',
  });
  expect(mail.text).toContain('<a href=evil>click');
  expect(mail.html).toContain('&lt;a href=evil&gt;click');
  expect(mail.html).toContain('&amp;lt;i&amp;gt;');
  const tags = new Set([...mail.html.matchAll(/<\/?([a-z!-]+)/gi)].map((match) => match[1]));
  expect([...tags].sort()).toEqual([
    '!doctype',
    'a',
    'blockquote',
    'body',
    'br',
    'head',
    'html',
    'meta',
    'p',
  ]);
});

test.each([
  'evil.example',
  'https://evil.example/login',
  'www.evil.example',
  'mailto:thief@evil.example',
  'Pat <thief@evil.example>',
  'evil。com',
  'javascript:alert(1)',
  '203.0.113.7/x',
])('a name cannot become a link: %s', async (name) => {
  const mail = await delivered({ credentialLabel: name, requesterName: name, organizationName: name });
  const ours = 'https://connect.acme.example/invitation/abc-DEF_123';
  const foreign = `${mail.text}\n${mail.headers.split('\r\n').find((line) => line.startsWith('Subject:'))}`
    .replaceAll(ours, '')
    .replaceAll('connect.acme.example', '');
  expect(foreign).not.toMatch(
    /[a-z0-9][.。][a-z]{2,}|:\/\/[!-~]|mailto:[!-~]|@[a-z]|javascript:[!-~]|\d[.]\d/i,
  );
});

test('no name or address can add a header, a recipient or a body', async () => {
  const attack = 'x\r\nBcc: thief@evil.example\r\n\r\n<h1>hi</h1>\u2028Cc: y\u0000\u0085z';
  const mail = await delivered({
    credentialLabel: attack,
    organizationName: attack,
    requesterName: attack,
    customerName: attack,
    serviceName: attack,
  });
  expect(mail.envelope?.to).toEqual(['jo@hooli.example']);
  const names = mail.raw
    .split('\r\n\r\n')[0]
    ?.split('\r\n')
    .filter((line) => !/^[ \t]/.test(line))
    .map((line) => line.split(':')[0]?.toLowerCase());
  expect(names?.filter((name) => name === 'bcc' || name === 'cc')).toEqual([]);
  expect(names?.filter((name) => name === 'subject')).toHaveLength(1);
  expect(mail.html).not.toContain('<h1>');
  expect(mail.raw).not.toContain('\0');
});

test.each([
  'jo@hooli.example\r\nBcc: x@evil.example',
  'jo@hooli.example, x@evil.example',
  'jo@hooli.example;x@evil.example',
  'Jo <jo@hooli.example>',
  '<jo@hooli.example>',
  '"jo x"@hooli.example',
  'jo@hooli.example ',
  'jo@@hooli.example',
  'jo@hooli',
  'jo@[127.0.0.1]',
  'jo@127.0.0.1',
  'jo@hooli..example',
  'jo@-hooli.example',
  'jo.@hooli.example',
  'jö@hooli.example',
  '@hooli.example',
  'jo@',
  '',
  `${'a'.repeat(65)}@hooli.example`,
  `jo@${'a.'.repeat(130)}example`,
  'jo@hoo\tli.example',
  'jo@hooli.example%0aBcc:x',
])('the recipient %j is refused and the fault names the field and the cure', (to) => {
  const refused = failureOf(() => invitationMessage({ ...base, to }));
  expect(isFault(refused, 'invalid_field') && refused.field).toBe('email');
  expect(isFault(refused) && refused.cure).toContain('name@example.com');
});

test('letters outside ASCII arrive in names, subject and note, and an internationalized domain is encoded', async () => {
  const mail = await delivered({
    to: 'jo@bücher.example',
    organizationName: 'Škoda 株式会社',
    requesterName: 'Zoë 🦊',
    credentialLabel: 'Größe «Δ»',
    note: 'Grüße aus Köln! 你好。请连接',
  });
  expect(mail.raw).toContain('\r\nTo: jo@xn--bcher-kva.example\r\n');
  expect(mail.headers).toContain('Škoda 株式会社');
  for (const body of [mail.text, mail.html]) {
    for (const name of ['Škoda 株式会社', 'Zoë 🦊', 'Größe «Δ»', 'Grüße aus Köln!']) {
      expect(body).toContain(name);
    }
  }
});

test('whatever is written, the wire carries 7-bit lines of at most 76 bytes ended by CRLF', async () => {
  const mail = await delivered({
    organizationName: 'Ö'.repeat(5_000),
    credentialLabel: 'ab '.repeat(400),
    note: `${'ü'.repeat(980)}\n.\n..\nFrom x`,
  });
  expect(mail.raw).not.toMatch(/[^\r\n\t\x20-\x7e]/);
  expect(mail.raw.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
  expect(Math.max(...mail.raw.split('\r\n').map((line) => line.length))).toBeLessThanOrEqual(76);
  expect(mail.text).toContain('ü'.repeat(980));
  expect(mail.text).toContain('> .\n> .\u200b.\n> From x');
  expect(mail.text).toContain(`${'Ö'.repeat(120)}…`);
});

test('direction overrides and unseen characters do not reach the reader', async () => {
  const mail = await delivered({ credentialLabel: 'drop\u202exobp\u2066\u200b\u00ad\ufeff.ex\ue000e' });
  expect(mail.text).toContain('“dropxobp.\u200bexe”');
});

test.each([
  'see https://evil.example',
  'see evil.example',
  'see EVIL.EXAMPLE/path',
  'see http:\u200b//evil',
  'see ｅｖｉｌ．ｃｏｍ now',
  'see evil\u2024com',
  'see evil。com now',
  'see evil\u00ad.com',
  'write to a@b.example',
  'javascript:alert(1)',
  'mailto:x',
  'call tel:0123',
  'go to 203.0.113.7',
  'http://[::1]/',
  'x'.repeat(1_001),
  'y\n'.repeat(30),
])('the note %j is refused and the fault names the field', (note) => {
  const refused = failureOf(() => invitationMessage({ ...base, note: `Hi. ${note} end` }));
  expect(isFault(refused, 'invalid_field') && refused.field).toBe('message');
  expect(isFault(refused) && refused.cure).toBeTruthy();
});

test.each(['Hello. Please connect, e.g. today at 12:30.\nThanks... P.S. 1.5 MB', 'Was? Ja! (a/b) 5:1', ''])(
  'ordinary words are not taken for a link: %j',
  (note) => {
    expect(() => invitationMessage({ ...base, note })).not.toThrow();
  },
);

test('a link to anywhere but this installation is refused', () => {
  for (const link of [
    'https://evil.example/x',
    'http://connect.acme.example/x',
    'https://a@connect.acme.example/',
  ]) {
    expect(() => invitationMessage({ ...base, link: new URL(link) })).toThrow(
      'only link to this installation',
    );
  }
  const under = {
    publicUrl: new URL('https://acme.example/latchkey'),
    link: new URL('https://acme.example/latchkey/i/1'),
  };
  expect(() => invitationMessage({ ...base, ...under })).not.toThrow();
  expect(() =>
    invitationMessage({ ...base, ...under, link: new URL('https://acme.example/latchkey2/i') }),
  ).toThrow();
});

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
