// A forgotten password is replaced by whoever holds the operator's link.
//
//   link live --(one transaction: link used, sign-in made anew with the new password)--> used, unrecorded
//             --(one transaction in each of the person's organizations: audit event)--> recorded
//
// A crash between the two leaves a used link whose events are missing: any process writes them within a minute. A crash
// while they are written can write one of them twice, and loses none.
import { audit } from '../audit/event.ts';
import { newId } from '../kernel/ids.ts';
import type { Plain } from '../kernel/plain.ts';
import type { Doors } from '../storage/doors.ts';
import { deleteAuthUserByEmail, insertAuthUser, insertPassword } from './auth-store.ts';
import { deadResetLink, hashResetToken, personOfResetLink } from './password-reset-link.ts';
import {
  lockUnrecordedReset,
  type UnrecordedReset,
  updateResetRecorded,
  usePasswordResetLink,
} from './password-reset-link-store.ts';
import { checkPassword } from './password-rule.ts';
import { selectPrincipalsOfPerson, upsertPerson } from './person-store.ts';
import type { SignInLibrary } from './sign-in-library.ts';

export type PasswordReset = {
  readonly token: string;
  readonly password: Plain;
  /** Where the request came from, for the audit trail. */
  readonly address: string | null;
};

/** The link is used up only by a password that is good enough. */
export async function resetPassword(
  deps: { readonly doors: Doors; readonly library: Pick<SignInLibrary, 'hash'> },
  { token, password, address }: PasswordReset,
): Promise<void> {
  const { doors, library } = deps;
  // Before the password is hashed: strangers cannot make us work.
  const person = await personOfResetLink(doors, token);
  checkPassword(password, [person.name, person.email], 'newPassword');
  const hash = await library.hash(password);
  await doors.asAccounts(async (tx) => {
    if (!(await usePasswordResetLink(tx, { hash: hashResetToken(token), address }))) throw deadResetLink();
    // A new user instead of a new hash: every session goes with the old one, and a sign-in with the old password that is
    // under way has nobody left to whom its session could belong.
    const userId = newId<never>() as string;
    await deleteAuthUserByEmail(tx, person.email);
    await insertAuthUser(tx, { id: userId, email: person.email, name: person.name });
    await insertPassword(tx, { id: newId<never>(), userId, hash });
    await upsertPerson(tx, { ...person, authUserId: userId });
  });
}

// More than anybody makes in a minute.
const maxRecordedAtOnce = 100;

/** Writes the audit events of resets that have none yet, those of a process that died included. */
export async function recordPasswordResets(doors: Doors): Promise<void> {
  for (let recorded = 0; recorded < maxRecordedAtOnce; recorded += 1) {
    const isAny = await doors.asAccounts(async (tx) => {
      const reset = await lockUnrecordedReset(tx);
      if (reset === null) return false;
      await recordOne(doors, reset);
      await updateResetRecorded(tx, reset.id);
      return true;
    });
    if (!isAny) return;
  }
}

async function recordOne(doors: Doors, { personId, name, address, at }: UnrecordedReset): Promise<void> {
  for (const { tenant, principalId } of await doors.locate((tx) => selectPrincipalsOfPerson(tx, personId))) {
    await doors.withTenant(tenant, (tx) =>
      audit(tx, {
        actor: { kind: 'person', principalId, name },
        action: 'password.reset',
        object: { kind: 'principal', id: principalId },
        fields: ['password'],
        detail: { address, at: at.toISOString() },
      }),
    );
  }
}
