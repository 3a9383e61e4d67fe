// A person's search text as a pattern for ILIKE: found anywhere, and meant literally.
import { invalidField } from '../kernel/fault.ts';

const maxLength = 200;

/** Null stays null: no search. */
export function containsPattern(search: string | null): string | null {
  if (search === null) return null;
  if (search.length > maxLength) {
    throw invalidField('search', `is longer than ${maxLength} characters.`, 'Shorten it.');
  }
  if (search.includes('\0')) throw invalidField('search', 'holds a NUL character.', 'Remove it.');
  return `%${search.replace(/[\\%_]/g, '\\$&')}%`;
}
