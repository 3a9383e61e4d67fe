// A real SMTP server on loopback and a reader of mail that shares nothing with the sender's library.
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { expect } from 'vitest';
import { systemClock } from '../kernel/clock.ts';
import { Plain } from '../kernel/plain.ts';
import { createMailer } from './create-mailer.ts';
import { type InvitationMail, invitationMessage } from './invitation-message.ts';
import type { Mailer } from './mailer.ts';

type Received = { readonly from: string; readonly to: readonly string[]; readonly bytes: Buffer };

/** What a test has opened; each test file closes it after each test. */
const closers: (() => Promise<void>)[] = [];

export async function closeAll(): Promise<void> {
  for (const close of closers.splice(0)) await close();
}

export async function smtpServer(
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

export function mailerTo(url: string): Mailer {
  return createMailer({
    smtpUrl: Plain.fromText(url),
    from: 'Acme Connections <no-reply@acme.example>',
    dataDirectory: '/nonexistent',
    clock: systemClock,
  });
}

const publicUrl = new URL('https://connect.acme.example/');
export const base: InvitationMail = {
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

export async function delivered(mail: Partial<InvitationMail>): Promise<ReturnType<typeof readMail>> {
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
