// Mails that tell the people in charge what happened to a credential. No secret, no provider text, one link to us.
import { type EmailAddress, parseEmailAddress } from './email-address.ts';
import { composeMessage, type Message } from './message.ts';
import { OurWords, type Words, words } from './words.ts';

export type NotificationMail = {
  readonly to: string | EmailAddress;
  readonly organizationName: string;
  readonly customerName: string | null;
  readonly credentialLabel: string;
  readonly serviceName: string;
  /** The page of the credential. */
  readonly link: URL;
  readonly publicUrl: URL;
  readonly event: /** Somebody completed the consent; `accountName` as the provider shows it, null when it tells none. */
    | { readonly kind: 'connected'; readonly byName: string; readonly accountName: string | null }
    /** The provider no longer accepts the grant; only a person can mend it. */
    | { readonly kind: 'needs_reauth' }
    | { readonly kind: 'disconnected'; readonly byName: string };
};

export function notificationMessage(mail: NotificationMail): Message {
  const { subject, body } = sentences(mail);
  return composeMessage({
    to: parseEmailAddress(mail.to, 'email'),
    subject,
    blocks: [
      { kind: 'paragraph', words: body },
      { kind: 'link', label: words`See it in Latchkey:`, url: mail.link },
      {
        kind: 'paragraph',
        words: words`Words in quotation marks were typed by other people. This mail was sent by Latchkey at ${new OurWords(mail.publicUrl.host)}.`,
      },
    ],
    publicUrl: mail.publicUrl,
  });
}

function sentences(mail: NotificationMail): { readonly subject: Words; readonly body: Words } {
  const owner = mail.customerName ?? mail.organizationName;
  const { credentialLabel, serviceName, event } = mail;
  switch (event.kind) {
    case 'connected': {
      const subject = words`${credentialLabel} is connected`;
      if (event.accountName === null) {
        return {
          subject,
          body: words`${event.byName} connected ${credentialLabel} of ${owner} to ${serviceName}. If this was not expected, disconnect it.`,
        };
      }
      return {
        subject,
        body: words`${event.byName} connected ${credentialLabel} of ${owner} to the account ${event.accountName} at ${serviceName}. If this is not the right account, disconnect it.`,
      };
    }
    case 'needs_reauth':
      return {
        subject: words`${credentialLabel} must be connected again`,
        body: words`${serviceName} no longer accepts the access that was given to ${credentialLabel} of ${owner}. Integrations that use it fail until somebody connects the account again.`,
      };
    case 'disconnected':
      return {
        subject: words`${credentialLabel} is disconnected`,
        body: words`${event.byName} disconnected ${credentialLabel} of ${owner} from ${serviceName}. Integrations that use it will fail.`,
      };
  }
}
