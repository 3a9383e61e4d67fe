// How mail leaves, as the rest of the house sees it.
import type { Message } from './message.ts';

export type Mailer = {
  /**
   * Resolves when the server (or the disk) has taken the mail. Throws `unavailable` where a later try may help and
   * `mail_refused` where it cannot.
   */
  readonly send: (message: Message) => Promise<void>;
};
