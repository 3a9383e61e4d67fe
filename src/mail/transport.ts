// SMTP delivery. The password and the invitation link cross the network, so TLS is required except to this machine.
import type { createTransport } from 'nodemailer';
import type { Clock } from '../kernel/clock.ts';
import { Fault } from '../kernel/fault.ts';
import { lazy } from '../kernel/lazy.ts';
import type { Plain } from '../kernel/plain.ts';
import { mailFields, parseSender } from './mail-fields.ts';
import type { Mailer } from './mailer.ts';

type SmtpOptions = Exclude<NonNullable<Parameters<typeof createTransport>[0]>, string> & {
  readonly host: string;
};

// RFC 5321 4.5.3.2 asks for minutes; a worker of ours must not hang that long, and the job is tried again anyway.
const connectTimeoutMs = 10_000;
const silenceTimeoutMs = 30_000;
const wholeTimeoutMs = 90_000;

export function smtpMailer(settings: {
  readonly url: Plain;
  readonly from: string | null;
  readonly clock: Clock;
}): Mailer {
  if (settings.from === null) {
    throw new Fault('cannot_start', 'SMTP_URL is set but MAIL_FROM is not.', {
      cure: 'Set MAIL_FROM to the sender, as no-reply@example.com or Name <no-reply@example.com>.',
    });
  }
  const sender = parseSender(settings.from);
  // One connection per mail: mail is rare here and a kept connection is one more thing that goes stale.
  const options = smtpOptions(settings.url);
  const load = lazy(async () => {
    const { createTransport: create } = await import('nodemailer');
    return create(options);
  });
  return {
    send: async (message) => {
      try {
        const transport = await load();
        await transport.sendMail({
          ...mailFields(message, sender, settings.clock.now()),
          signal: AbortSignal.timeout(wholeTimeoutMs),
        });
      } catch (error) {
        throw mailFault(error);
      }
    },
  };
}

/** Reads `smtp(s)://user:password@host:port`; no part of it appears in a fault, for it holds the password. */
export function smtpOptions(url: Plain): SmtpOptions {
  const parsed = URL.canParse(url.revealText()) ? new URL(url.revealText()) : null;
  if (parsed === null || (parsed.protocol !== 'smtp:' && parsed.protocol !== 'smtps:')) throw wrongUrl();
  if (
    parsed.hostname === '' ||
    parsed.search !== '' ||
    parsed.hash !== '' ||
    !/^\/?$/.test(parsed.pathname)
  ) {
    throw wrongUrl();
  }
  const secure = parsed.protocol === 'smtps:';
  const host = parsed.hostname.replace(/^\[|\]$/g, '');
  const onThisMachine = isLoopback(host);
  const user = decoded(parsed.username);
  const pass = decoded(parsed.password);
  return {
    host,
    // RFC 8314: implicit TLS on 465, submission with STARTTLS on 587.
    port: parsed.port === '' ? (secure ? 465 : 587) : Number(parsed.port),
    secure,
    requireTLS: !secure && !onThisMachine,
    ignoreTLS: !secure && onThisMachine,
    tls: { minVersion: 'TLSv1.2' },
    connectionTimeout: connectTimeoutMs,
    greetingTimeout: connectTimeoutMs,
    dnsTimeout: connectTimeoutMs,
    socketTimeout: silenceTimeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
    ...(user === '' ? {} : { auth: { user, pass } }),
  };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw wrongUrl();
  }
}

function wrongUrl(): Fault {
  return new Fault('cannot_start', 'SMTP_URL cannot be read.', {
    cure: 'Write it as smtps://user:password@host:465 or smtp://user:password@host:587, with special characters percent-encoded.',
  });
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}

/**
 * Permanent is only what the server says about this mail: a 5xx to its recipient or its content. A wrong password, a
 * missing certificate or a silent server is the operator's to mend, after which the same mail goes through.
 */
function mailFault(error: unknown): Fault {
  const { code, status, command } = smtpAnswer(error);
  const aboutThisMail = code === 'EMESSAGE' || (code === 'EENVELOPE' && command !== 'MAIL FROM');
  if (aboutThisMail && status >= 500 && status <= 599) {
    return new Fault('mail_refused', 'The mail server refused this mail.', {
      cure: 'Check the e-mail address of the recipient.',
      detail: `SMTP answer ${status} (${code})`,
      cause: error,
    });
  }
  return new Fault('unavailable', 'The mail could not be sent now.', {
    cure: 'It is tried again by itself; an operator finds the reason in the log.',
    detail: status === 0 ? `SMTP ${code}` : `SMTP answer ${status} (${code})`,
    cause: error,
  });
}

type SmtpAnswer = { readonly code: string; readonly status: number; readonly command: string };

function smtpAnswer(error: unknown): SmtpAnswer {
  const seen = error instanceof Error ? (error as Error & Readonly<Record<string, unknown>>) : {};
  return {
    code: 'code' in seen && typeof seen.code === 'string' ? seen.code : 'unknown',
    status: 'responseCode' in seen && typeof seen.responseCode === 'number' ? seen.responseCode : 0,
    command: 'command' in seen && typeof seen.command === 'string' ? seen.command : '',
  };
}
