// What both doors hand to nodemailer. Everything is given as parsed fields, so that nodemailer parses no text of ours:
// no header, address or attachment can come out of a name.
import type { SendMailOptions } from 'nodemailer';
import { Fault } from '../kernel/fault.ts';
import { parseEmailAddress } from './email-address.ts';
import type { Message } from './message.ts';

export type Sender = { readonly name: string; readonly address: string };

const defaultName = 'Latchkey';

/** The sender out of the settings. */
export function parseSender(from: string): Sender {
  const written = /^\s*(?:"?([^"<>\r\n]*?)"?\s*<([^<>\s]+)>|([^<>\s"]+))\s*$/.exec(from);
  const address = written?.[2] ?? written?.[3];
  if (written === null || address === undefined) throw wrongSender();
  try {
    return { name: written[1]?.trim() || defaultName, address: parseEmailAddress(address, 'from') };
  } catch (cause) {
    throw wrongSender(cause);
  }
}

function wrongSender(cause?: unknown): Fault {
  return new Fault('cannot_start', 'MAIL_FROM is not an e-mail address.', {
    cure: 'Write it as no-reply@example.com or Name <no-reply@example.com>.',
    cause,
  });
}

export function mailFields(message: Message, sender: Sender, date: Date): SendMailOptions {
  return {
    from: { ...sender },
    to: { name: '', address: message.to },
    subject: message.subject,
    text: message.text,
    html: message.html,
    date,
    // Lines stay below 76 bytes and 7-bit, so that no relay on the way may rewrite or refuse them.
    textEncoding: 'quoted-printable',
    // RFC 3834: vacation responders must not answer us.
    headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
    xMailer: false,
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}
