// The one-time link by which an operator lets a person who forgot the password in again. It opens nothing by itself:
// whoever holds it may choose a new password, for one hour and once.
import { createHash, randomBytes } from 'node:crypto';
import { Fault } from '../kernel/fault.ts';
import { newId } from '../kernel/ids.ts';
import type { Doors } from '../storage/doors.ts';
import {
  expirePasswordResetLinks,
  insertPasswordResetLink,
  lockPasswordResetLinks,
  selectPersonOfResetLink,
} from './password-reset-link-store.ts';
import {
  type Person,
  type PersonPrincipal,
  selectPersonByEmail,
  selectPrincipalsOfPerson,
} from './person-store.ts';
import { signInEmail } from './sign-in-email.ts';

const livesSeconds = 60 * 60;
const tokenPattern = /^[A-Za-z0-9_-]{43}$/;

/** SHA-256 suffices: the token has 256 bits of entropy. */
export function hashResetToken(token: string): Buffer {
  return createHash('sha256').update(`latchkey password reset\0${token}`).digest();
}

export type PasswordResetLink = {
  readonly person: Person;
  /** Everywhere that the person may act. */
  readonly principals: readonly PersonPrincipal[];
  readonly token: string;
  readonly expiresAt: Date;
};

/** For an operator, who may know which e-mails exist. Ends the person's older links. */
export async function makePasswordResetLink(doors: Doors, emailText: string): Promise<PasswordResetLink> {
  const email = signInEmail(emailText);
  const person = await doors.asAccounts((tx) => selectPersonByEmail(tx, email));
  if (person === null) {
    throw new Fault('not_found', 'No person has this e-mail.', {
      cure: 'See "latchkey people list" for those who are there.',
    });
  }
  const principals = await doors.locate((tx) => selectPrincipalsOfPerson(tx, person.id));
  if (principals.length === 0) {
    throw new Fault('conflict', 'This person may act nowhere: disabled, or of no organization.', {
      cure: 'A new password would open nothing. "latchkey people list" shows how it stands.',
    });
  }
  const token = randomBytes(32).toString('base64url');
  const expiresAt = await doors.asAccounts(async (tx) => {
    await lockPasswordResetLinks(tx, person.id);
    await expirePasswordResetLinks(tx, person.id);
    const link = { id: newId<never>(), personId: person.id, hash: hashResetToken(token), livesSeconds };
    return await insertPasswordResetLink(tx, link);
  });
  if (expiresAt === null) throw new Fault('internal', 'The link was not stored.');
  return { person, principals, token, expiresAt };
}

/** Whose it is. Throws the same for every link that opens nothing. Changes nothing. */
export async function personOfResetLink(doors: Doors, token: string): Promise<Person> {
  if (!tokenPattern.test(token)) throw deadResetLink();
  const person = await doors.asAccounts((tx) => selectPersonOfResetLink(tx, hashResetToken(token)));
  if (person === null) throw deadResetLink();
  // Disabled everywhere since the link was made.
  const principals = await doors.locate((tx) => selectPrincipalsOfPerson(tx, person.id));
  if (principals.length === 0) throw deadResetLink();
  return person;
}

/** Unknown, used, too old, replaced: a stranger who tries links learns nothing, and the cure is the same. */
export function deadResetLink(): Fault {
  return new Fault(
    'gone',
    'This link opens nothing: it is not whole, was used, has ended, or a newer one took its place.',
    {
      cure: 'Ask whoever runs this installation for a new one.',
    },
  );
}
