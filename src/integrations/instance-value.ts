// Values of config variables that are not connections, in the form in which steps get them. Forms and APIs send text;
// the type of the variable says what it means.
import { invalidField } from '../kernel/fault.ts';
import type { Json, ValueVariable } from './definition.ts';

const maxBytes = 1_000_000;
const maxDepth = 50;

/** The value as it is stored; null stands for "left empty". Throws `invalid_field` named by the variable. */
export function checkedValue(variable: ValueVariable, given: Json): Json {
  if (given === null || given === '') return null;
  if (JSON.stringify(given).length > maxBytes) {
    throw invalidField(variable.key, `is longer than ${maxBytes} characters.`, 'Shorten it.');
  }
  checkStorable(variable.key, given, 0);
  if (variable.collection === 'single') return single(variable, given);
  const list = typeof given === 'string' ? parsed(variable.key, given) : given;
  if (!Array.isArray(list)) {
    throw invalidField(variable.key, 'is not a list.', 'Give a JSON array.');
  }
  return list.map((item) =>
    variable.collection === 'list' ? single(variable, item) : pair(variable.key, item),
  );
}

function single(variable: ValueVariable, given: Json): Json {
  switch (variable.dataType) {
    case 'number':
      return asNumber(variable.key, given);
    case 'boolean':
      return asBoolean(variable.key, given);
    case 'picklist':
      return choice(variable, asText(variable.key, given));
    case 'string':
    case 'date':
    case 'timestamp':
    case 'schedule':
    case 'code':
      return asText(variable.key, given);
    case 'objectSelection':
    case 'objectFieldMap':
    case 'jsonForm':
      return typeof given === 'string' ? parsed(variable.key, given) : given;
  }
}

function asText(key: string, given: Json): string {
  if (typeof given === 'string') return given;
  if (typeof given === 'number' || typeof given === 'boolean') return String(given);
  throw invalidField(key, 'is not text.', 'Give text.');
}

function asNumber(key: string, given: Json): number {
  const number = typeof given === 'string' && given.trim() !== '' ? Number(given) : given;
  if (typeof number === 'number' && Number.isFinite(number)) return number;
  throw invalidField(key, 'is not a number.', 'Give a number such as 12.5.');
}

function asBoolean(key: string, given: Json): boolean {
  if (typeof given === 'boolean') return given;
  if (given === 'true') return true;
  if (given === 'false') return false;
  throw invalidField(key, 'is neither true nor false.', 'Give true or false.');
}

function choice(variable: ValueVariable, given: string): string {
  if (variable.pickList.length === 0 || variable.pickList.includes(given)) return given;
  const offered = variable.pickList.slice(0, 20).join(', ');
  throw invalidField(variable.key, 'is not one of the choices.', `Choose one of: ${offered}.`);
}

function pair(key: string, given: Json): Json {
  if (typeof given === 'object' && given !== null && !Array.isArray(given)) {
    const { key: name, value } = given as { readonly [name: string]: Json };
    if (typeof name === 'string' && value !== undefined) return { key: name, value };
  }
  throw invalidField(
    key,
    'holds something that is no pair.',
    'Give items such as {"key": "...", "value": "..."}.',
  );
}

function parsed(key: string, text: string): Json {
  try {
    const value = JSON.parse(text) as Json;
    checkStorable(key, value, 0);
    return value;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw invalidField(key, 'is not JSON.', 'Give a JSON text.');
  }
}

/** The database takes no NUL in JSON, and nobody needs endless depth. */
function checkStorable(key: string, value: Json, depth: number): void {
  if (depth > maxDepth) throw invalidField(key, `is nested deeper than ${maxDepth} levels.`, 'Flatten it.');
  if (typeof value === 'string') {
    if (value.includes('\0') || /\p{Cs}/u.test(value)) {
      throw invalidField(key, 'holds characters that cannot be stored.', 'Remove NUL and half characters.');
    }
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, item] of Object.entries(value)) {
      checkStorable(key, name, depth + 1);
      checkStorable(key, item, depth + 1);
    }
  }
}
