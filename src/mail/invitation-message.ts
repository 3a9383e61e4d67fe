// The mail that asks somebody to connect an account: who asks, for what, for whom, and one link to a page that
// shows the same before anything happens.
import { type EmailAddress, parseEmailAddress } from './email-address.ts';
import { type Block, composeMessage, type Message } from './message.ts';
import { OurWords, plainNote, words } from './words.ts';

export type InvitationMail = {
  /** As typed by the requester; checked here. */
  readonly to: string | EmailAddress;
  readonly organizationName: string;
  readonly requesterName: string;
  /** Absent when the credential is the organization's own. */
  readonly customerName: string | null;
  readonly credentialLabel: string;
  /** What will be connected, as the catalogue or the component names it: "Dropbox". */
  readonly serviceName: string;
  /** The requester's own words, or null. Links in it are refused (field `message`). */
  readonly note: string | null;
  readonly link: URL;
  readonly expiresAt: Date;
  readonly publicUrl: URL;
};

/** Throws `invalid_field` for `email` (the recipient) and `message` (the note). */
export function invitationMessage(mail: InvitationMail): Message {
  const forWhom = mail.customerName === null ? mail.organizationName : mail.customerName;
  const note = mail.note?.trim() ?? '';
  const blocks: Block[] = [
    {
      kind: 'paragraph',
      words: words`${mail.requesterName} at ${mail.organizationName} asks you to connect an account of ${mail.serviceName} for ${forWhom}. There it is called ${mail.credentialLabel}.`,
    },
  ];
  if (note !== '') {
    blocks.push(
      { kind: 'paragraph', words: words`${mail.requesterName} wrote:` },
      { kind: 'quote', lines: plainNote(note, 'message') },
    );
  }
  blocks.push(
    { kind: 'link', label: words`See what is asked, then decide:`, url: mail.link },
    {
      kind: 'paragraph',
      words: words`The link works until ${minute(mail.expiresAt)} and ends when the account is connected. It is meant for you alone: do not forward this mail. Opening the link changes nothing; you will see who asks, for what, before you sign in anywhere.`,
    },
    {
      kind: 'paragraph',
      words: words`If you did not expect this mail, delete it and nothing happens. Words in quotation marks were typed by other people. This mail was sent by Latchkey at ${new OurWords(mail.publicUrl.host)}.`,
    },
  );
  return composeMessage({
    to: parseEmailAddress(mail.to, 'email'),
    subject: words`${mail.organizationName} asks you to connect ${mail.serviceName}`,
    blocks,
    publicUrl: mail.publicUrl,
  });
}

/** `2026-11-23 19:00 UTC`: one form for all readers; we do not know their time zone. */
function minute(instant: Date): OurWords {
  return new OurWords(`${instant.toISOString().slice(0, 16).replace('T', ' ')} UTC`);
}
