// The door through which mail leaves: an SMTP server if the operator named one, else files in the data directory.
import type { Clock } from '../kernel/clock.ts';
import type { Plain } from '../kernel/plain.ts';
import type { Mailer } from './mailer.ts';
import { outboxMailer } from './outbox.ts';
import { smtpMailer } from './transport.ts';

export type MailSettings = {
  /** `smtp(s)://user:password@host:port`; null writes to the outbox. */
  readonly smtpUrl: Plain | null;
  /** `no-reply@example.com` or `Name <no-reply@example.com>`; the name is the operator's, never a tenant's. */
  readonly from: string | null;
  readonly dataDirectory: string;
  readonly clock: Clock;
};

/** Throws `cannot_start` for settings that can never work, so that a typing mistake is seen at the start. */
export function createMailer(settings: MailSettings): Mailer {
  const { smtpUrl, from, dataDirectory, clock } = settings;
  return smtpUrl === null
    ? outboxMailer({ from, dataDirectory, clock })
    : smtpMailer({ url: smtpUrl, from, clock });
}
