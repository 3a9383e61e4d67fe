// Parameters for the authorization URL, in the three ways in which people write them: a JSON text, a list `name:value,...`
// or an object. Kept as names and values, answered as a JSON text.
import { z } from 'zod';
import { invalidField } from '../../../kernel/fault.ts';
import { checkAuthorizeParams } from '../../../oauth/authorize-url.ts';

const field = 'data.attributes.credentials.additional_params';
const maxParams = 50;
const maxValueLength = 2_000;

export const additionalParamsSchema = z.union([
  z.string().max(20_000),
  z.record(z.string(), z.json()),
  z.null(),
]);

export function readAdditionalParams(
  given: z.infer<typeof additionalParamsSchema>,
): Readonly<Record<string, string>> {
  const entries = Object.entries(typeof given === 'string' ? fromText(given.trim()) : (given ?? {}));
  if (entries.length > maxParams) throw invalidField(field, `holds more than ${maxParams} parameters.`);
  const params: Record<string, string> = {};
  for (const [name, value] of entries) {
    const text = typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
    if (typeof value === 'number' && !Number.isSafeInteger(value)) {
      throw invalidField(
        field,
        `the value of ${name} is a number that may not stay as it is written.`,
        'Give it as a text.',
      );
    }
    if (!/^[A-Za-z0-9_.~-]{1,100}$/.test(name) || name === '__proto__') {
      throw invalidField(
        field,
        'holds a name that cannot stand in a URL.',
        'Use letters, digits and "_.~-".',
      );
    }
    if (typeof text !== 'string' || text.length > maxValueLength || /[\p{Cc}\p{Cs}]/u.test(text)) {
      throw invalidField(field, `the value of ${name} is not a short text.`, 'Give a text.');
    }
    params[name] = text;
  }
  checkAuthorizeParams(params, field);
  return params;
}

function fromText(text: string): Readonly<Record<string, unknown>> {
  if (text === '') return {};
  if (text.startsWith('{')) return fromJson(text);
  return Object.fromEntries(
    text.split(',').map((pair) => {
      const colon = pair.indexOf(':');
      if (colon <= 0) {
        throw invalidField(
          field,
          'is neither a JSON object nor a list of name:value pairs.',
          'Write for example access_type:offline,prompt:consent.',
        );
      }
      return [pair.slice(0, colon).trim(), pair.slice(colon + 1).trim()];
    }),
  );
}

function fromJson(text: string): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null) return parsed as Record<string, unknown>;
  } catch {
    // Said below, in words that name the field.
  }
  throw invalidField(field, 'is not valid JSON.', 'Write for example {"access_type":"offline"}.');
}
