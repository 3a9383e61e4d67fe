// `latchkey people reset-password`: the operator's way to let a person in again who forgot the password. It leaves a line in
// the trail of each organization of that person; the link itself is told to the operator alone.
import { makePasswordResetLink } from '../../accounts/password-reset-link.ts';
import { type AuditActor, audit } from '../../audit/event.ts';
import type { Doors } from '../../storage/doors.ts';

export type GivenReset = {
  readonly email: string;
  readonly name: string;
  readonly link: string;
  readonly expiresAt: Date;
};

export async function givePasswordReset(
  operator: AuditActor,
  { doors, publicUrl }: { readonly doors: Doors; readonly publicUrl: string },
  email: string,
): Promise<GivenReset> {
  const { person, principals, token, expiresAt } = await makePasswordResetLink(doors, email);
  // Before the link is told: one that nobody was told opens nothing.
  for (const { tenant, principalId } of principals) {
    await doors.withTenant(tenant, (tx) =>
      audit(tx, {
        actor: operator,
        action: 'operator.access',
        object: { kind: 'principal', id: principalId },
        detail: { command: 'people reset-password', expiresAt: expiresAt.toISOString() },
      }),
    );
  }
  const link = `${publicUrl}/reset-password?token=${token}`;
  return { email: person.email, name: person.name, link, expiresAt };
}
