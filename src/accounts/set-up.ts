// The first owner: one link becomes an organization with a person who owns it, once.
//
//   link live --(one transaction: link used, sign-in and person stored)--> person without a place
//             --(one transaction of the new tenant: organization, principal, role)--> owner
//
// A crash between the two leaves a person who can act nowhere; then the next start makes a new link, and setting up
// with the same e-mail takes that person over.
import { audit } from '../audit/event.ts';
import { newId, type TenantId } from '../kernel/ids.ts';
import type { Plain } from '../kernel/plain.ts';
import type { Doors } from '../storage/doors.ts';
import { createOrganization } from '../tenancy/organization.ts';
import { addMembership, createPrincipal } from '../tenancy/principal.ts';
import { checkName } from '../tenancy/unit.ts';
import type { Vault } from '../vault/vault.ts';
import { deleteAuthUserByEmail, insertAuthUser, insertPassword } from './auth-store.ts';
import { checkPassword } from './password-rule.ts';
import { upsertPerson } from './person-store.ts';
import { hashSetupToken, requireLiveSetupLink, usedLink } from './setup-link.ts';
import { useSetupLink } from './setup-link-store.ts';
import { signInEmail } from './sign-in-email.ts';
import type { SignInLibrary } from './sign-in-library.ts';

export type Founding = {
  readonly token: string;
  readonly organization: string;
  readonly name: string;
  readonly email: string;
  readonly password: Plain;
};

/** Answers the e-mail as it is stored. The link is used up only by an input without mistakes. */
export async function setUp(
  deps: { readonly doors: Doors; readonly vault: Vault; readonly library: Pick<SignInLibrary, 'hash'> },
  founding: Founding,
): Promise<string> {
  const { doors, vault, library } = deps;
  // Before the password is hashed: strangers cannot make us work.
  await requireLiveSetupLink(doors, founding.token);
  const organization = checkName(founding.organization, 'organization');
  const name = checkName(founding.name, 'name');
  const email = signInEmail(founding.email);
  checkPassword(founding.password, [organization, name, email]);
  const hash = await library.hash(founding.password);
  const personId = await storePerson(doors, { token: founding.token, name, email, hash });
  const tenant = newId<TenantId>();
  await doors.withTenant(tenant, async (tx) => {
    const { id: unitId } = await createOrganization({ tx, vault, tenant, name: organization });
    const principal = await createPrincipal({
      tx,
      actor: null,
      tenant,
      kind: 'person',
      unitId,
      name,
      email,
      personId,
    });
    await addMembership({ tx, actor: null, principalId: principal.id, unitId, roleKey: 'owner' });
    await audit(tx, {
      actor: { kind: 'person', principalId: principal.id, name },
      action: 'installation.set_up',
      object: { kind: 'organization', id: unitId },
    });
  });
  return email;
}

async function storePerson(
  doors: Doors,
  person: { readonly token: string; readonly name: string; readonly email: string; readonly hash: string },
): Promise<string> {
  const { name, email } = person;
  return await doors.asAccounts(async (tx) => {
    if (!(await useSetupLink(tx, hashSetupToken(person.token)))) throw usedLink();
    const userId = newId<never>() as string;
    await deleteAuthUserByEmail(tx, email);
    await insertAuthUser(tx, { id: userId, email, name });
    await insertPassword(tx, { id: newId<never>(), userId, hash: person.hash });
    return await upsertPerson(tx, { id: newId<never>(), email, name, authUserId: userId });
  });
}
