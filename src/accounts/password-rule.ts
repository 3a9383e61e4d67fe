// Which passwords are accepted: length is what counts (NIST SP 800-63B), and a password must not consist of what
// everybody knows about its owner.
import { invalidField } from '../kernel/fault.ts';
import type { Plain } from '../kernel/plain.ts';

export const minPasswordLength = 12;
/** Longer ones are no stronger and only cost time to hash. */
export const maxPasswordLength = 200;

const minDistinct = 5;
/** What must be left when the words that anybody would try are taken out. */
const minOwn = 6;
const commonWords = [
  'password',
  'passwort',
  'latchkey',
  'letmein',
  'welcome',
  'qwertyuiop',
  'qwerty',
  '1234567890',
  '123456',
  'abcdef',
  'admin',
];

/** `context` are words that go with the person: name, e-mail, organization. Throws a Fault that names `field`. */
export function checkPassword(password: Plain, context: readonly string[], field = 'password'): void {
  const text = password.revealText();
  const length = [...text].length;
  if (length < minPasswordLength) {
    throw invalidField(field, `is shorter than ${minPasswordLength} characters.`, 'Take a few random words.');
  }
  if (length > maxPasswordLength) {
    throw invalidField(field, `is longer than ${maxPasswordLength} characters.`, 'Shorten it.');
  }
  // Each as a whole too: an address of short parts is no less known.
  const words = [...context, ...context.flatMap((part) => part.split(/[\s@.,_-]+/)), ...commonWords]
    .map((word) => word.toLowerCase())
    .filter((word) => word.length >= 4)
    .toSorted((a, b) => b.length - a.length);
  const own = words.reduce((rest, word) => rest.replaceAll(word, ''), text.toLowerCase());
  if ([...own].length < minOwn || new Set(text.toLowerCase()).size < minDistinct) {
    throw invalidField(
      field,
      'is easy to guess.',
      'Take a few random words that have nothing to do with you.',
    );
  }
}
