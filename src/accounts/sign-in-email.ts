// The e-mail address by which a person signs in: lower case, one spelling per mailbox domain.
import { z } from 'zod';
import { invalidField } from '../kernel/fault.ts';
import { parseEmailAddress } from '../mail/email-address.ts';

const accepted = z.email();

export function signInEmail(text: string, field = 'email'): string {
  const email = parseEmailAddress(text.trim(), field).toLowerCase();
  // The library asks for this pattern at every sign-in; what it would refuse then must not be stored now.
  if (accepted.safeParse(email).success) return email;
  throw invalidField(field, 'is not an address that can sign in.', 'Write one like name@example.com.');
}
