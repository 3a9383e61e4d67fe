// Fields that a component asks for beside those of the type (a base URL, a region): kept together in one sealed value.
import { z } from 'zod';
import { Plain } from '../../../kernel/plain.ts';
import type { Reading } from '../../../refresh/reading.ts';

export const extraFieldsKey = 'extra_fields';

/** Anything that JSON can say, under names. Its size is bounded where values are stored. */
export const freeObject = z.record(z.string().min(1).max(200), z.json());

export function sealableFields(fields: Readonly<Record<string, unknown>>): Plain {
  return Plain.fromText(Object.keys(fields).length === 0 ? '' : JSON.stringify(fields));
}

/** Null when none are stored. */
export function readExtraFields(reading: Reading): Readonly<Record<string, unknown>> | null {
  const stored = reading.values.get(extraFieldsKey)?.revealText() ?? '';
  return stored === '' ? null : (JSON.parse(stored) as Record<string, unknown>);
}
