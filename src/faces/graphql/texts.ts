// Texts of callers, checked for length where the rooms below take any.
import { invalidField } from '../../kernel/fault.ts';

const maxSearchLength = 200;
const maxDescriptionLength = 10_000;
const maxLabels = 100;
const maxLabelLength = 200;

/** Null and "" search for nothing in particular. */
export function searchText(text: string | null | undefined, field: string): string | null {
  if (text === null || text === undefined || text === '') return null;
  return checkLength(text, field, maxSearchLength);
}

export function descriptionText(text: string | null | undefined): string {
  return checkLength(text ?? '', 'description', maxDescriptionLength);
}

export function labelTexts(labels: readonly (string | null | undefined)[] | null | undefined): string[] {
  const given = (labels ?? []).filter((label) => typeof label === 'string');
  if (given.length > maxLabels) {
    throw invalidField('labels', `are more than ${maxLabels}.`, 'Give fewer.');
  }
  return given.map((label) => checkLength(label, 'labels', maxLabelLength));
}

export function checkLength(text: string, field: string, max: number): string {
  if (text.length > max) throw invalidField(field, `is longer than ${max} characters.`, 'Shorten it.');
  if (text.includes('\u0000')) throw invalidField(field, 'holds a NUL character.', 'Remove it.');
  return text;
}
