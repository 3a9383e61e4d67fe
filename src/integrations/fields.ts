// Reads one mapping of a file field by field: wrong types become problems and a stand-in, so that reading goes on;
// what was not asked for is left over as `extra`.
import type { Extra, Json } from './definition.ts';
import { Problems, under } from './problems.ts';

type Part = { readonly value: Json; readonly path: string };
type TextOptions = { readonly fallback?: string; readonly maxLength?: number };

export class Fields {
  readonly path: string;
  readonly problems: Problems;
  readonly #record: { readonly [key: string]: Json };
  readonly #taken = new Set<string>();

  private constructor(record: { readonly [key: string]: Json }, path: string, problems: Problems) {
    this.#record = record;
    this.path = path;
    this.problems = problems;
  }

  /** When `value` is not a mapping that is a problem, and an empty stand-in reads on without adding others. */
  static of(value: Json, path: string, problems: Problems): Fields {
    if (isRecord(value)) return new Fields(value, path, problems);
    problems.add(path === '' ? 'definition' : path, `is ${kindOf(value)}.`, 'Write a mapping with keys.');
    return Fields.silent(path);
  }

  private static silent(path: string): Fields {
    return new Fields({}, path, new Problems());
  }

  at(key: string): string {
    return under(this.path, key);
  }

  /** The value of `key`; undefined when absent. An empty value (`key:`) counts as absent unless asked for. */
  take(key: string, keepNull = false): Json | undefined {
    this.#taken.add(key);
    const value = Object.hasOwn(this.#record, key) ? this.#record[key] : undefined;
    return value === null && !keepNull ? undefined : value;
  }

  wrong(key: string, problem: string, cure: string): void {
    this.problems.add(this.at(key), problem, cure);
  }

  /** Text; without `fallback` it must be there and not empty. */
  text(key: string, options: TextOptions = {}): string {
    const value = this.take(key);
    const { fallback, maxLength = 200 } = options;
    if (value === undefined || (value === '' && fallback === undefined)) {
      if (fallback !== undefined) return fallback;
      this.wrong(key, 'is missing.', 'Write some text here.');
      return '';
    }
    if (typeof value !== 'string') {
      const cure = typeof value === 'object' ? 'Write text.' : 'Put it in quotes.';
      this.wrong(key, `is ${kindOf(value)}, not text.`, cure);
      return '';
    }
    if (value.length > maxLength) {
      this.wrong(key, `is longer than ${maxLength} characters.`, 'Shorten it.');
    }
    return value;
  }

  /** A name that others refer to and objects are keyed by. */
  name(key: string, options: TextOptions = {}): string {
    const name = this.text(key, options);
    if (name === '__proto__') this.wrong(key, 'is not a possible name.', 'Choose another one.');
    if (name.trim() === '' && name !== '') this.wrong(key, 'is blank.', 'Write a name.');
    return name;
  }

  optionalText(key: string, maxLength = 2_000): string | null {
    const text = this.text(key, { fallback: '', maxLength });
    return text === '' ? null : text;
  }

  flag(key: string, fallback: boolean): boolean {
    const value = this.take(key);
    if (value === undefined) return fallback;
    if (typeof value === 'boolean') return value;
    this.wrong(key, `is ${kindOf(value)}.`, 'Write true or false without quotes.');
    return fallback;
  }

  wholeNumber(key: string, fallback: number, max: number): number {
    const value = this.take(key);
    if (value === undefined) return fallback;
    if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max) return value;
    this.wrong(key, `is ${kindOf(value)}.`, `Write a whole number from 0 to ${max}.`);
    return fallback;
  }

  oneOf<T extends string>(key: string, allowed: readonly T[], fallback?: T): T | null {
    const value = this.take(key);
    if (value === undefined && fallback !== undefined) return fallback;
    const found = allowed.find((candidate) => candidate === value);
    if (found !== undefined) return found;
    const problem = value === undefined ? 'is missing.' : 'is none of the possible values.';
    this.wrong(key, problem, `Write one of ${allowed.join(', ')}.`);
    return null;
  }

  list(key: string, maxLength: number): readonly Part[] {
    const value = this.take(key);
    if (value === undefined) return [];
    if (!Array.isArray(value)) {
      this.wrong(key, `is ${kindOf(value)}.`, 'Write a list, each item after a hyphen.');
      return [];
    }
    if (value.length > maxLength) {
      this.wrong(key, `has more than ${maxLength} items.`, 'Split it.');
      return [];
    }
    return value.map((item: Json, index) => ({ value: item, path: under(this.at(key), index) }));
  }

  texts(key: string, maxLength: number): readonly string[] {
    return this.list(key, maxLength).flatMap(({ value, path }) => {
      if (typeof value === 'string') return [value];
      this.problems.add(path, `is ${kindOf(value)}, not text.`, 'Put it in quotes.');
      return [];
    });
  }

  /** The mapping under `key`, which must be there. */
  need(key: string, cure: string): Fields {
    const fields = this.record(key);
    if (fields !== null) return fields;
    this.wrong(key, 'is missing.', cure);
    return Fields.silent(this.at(key));
  }

  record(key: string): Fields | null {
    const value = this.take(key);
    return value === undefined ? null : Fields.of(value, this.at(key), this.problems);
  }

  /** The keys and values of the mapping under `key`. */
  entries(key: string, maxLength: number): readonly (Part & { readonly key: string })[] {
    const value = this.take(key);
    if (value === undefined) return [];
    if (!isRecord(value)) {
      this.wrong(key, `is ${kindOf(value)}.`, 'Write a mapping with keys.');
      return [];
    }
    const all = Object.entries(value);
    if (all.length > maxLength) this.wrong(key, `has more than ${maxLength} keys.`, 'Split it.');
    return all.slice(0, maxLength).map(([name, item]) => ({
      key: name,
      value: item,
      path: under(this.at(key), name),
    }));
  }

  /** What nobody took. */
  rest(): Extra {
    return Object.fromEntries(Object.entries(this.#record).filter(([key]) => !this.#taken.has(key)));
  }
}

export function isRecord(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What stands there, never its content: a secret may have been typed in the wrong place. */
export function kindOf(value: Json | undefined): string {
  if (value === null || value === undefined) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  return typeof value === 'string' ? 'text' : `a ${typeof value}`;
}
