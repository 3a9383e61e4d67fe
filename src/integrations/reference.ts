// References to what an earlier step gave: `listFolder.results.entries[0].path`. Parsed once, walked without ever
// touching a prototype.

export type Reference = {
  /** The step as the reference spells it. */
  readonly step: string;
  /** The keys below `results`. */
  readonly path: readonly string[];
};

const maxLength = 2_000;

/**
 * The vendor's files spell a step's name in camel case, but how capitals inside a word are folded changed over the
 * years ("AcmeERP" as `acmeerp` and `acmeErp`). Letters and digits alone, in one case, are what all spellings share. One
 * case by way of the other: some small letters share a capital (ß with ss, ς with σ, U+1C80 with U+0432).
 */
export function referenceKey(stepName: string): string {
  return stepName
    .normalize('NFKD')
    .replace(/[^\p{L}\p{N}]/gu, '')
    .toLowerCase()
    .toUpperCase()
    .toLowerCase();
}

/** `List Folder` -> `listFolder`: how we spell it. */
export function referenceName(stepName: string): string {
  const words =
    stepName
      .normalize('NFKD')
      .replace(/\p{M}/gu, '')
      .match(/[\p{L}\p{N}]+/gu) ?? [];
  return words
    .map((word, index) =>
      index === 0
        ? word.charAt(0).toLowerCase() + word.slice(1)
        : word.charAt(0).toUpperCase() + word.slice(1),
    )
    .join('');
}

/** The parts of `text`, or a sentence about what is wrong with it. */
export function parseReference(text: string): Reference | string {
  if (text.length > maxLength) return `is longer than ${maxLength} characters.`;
  const parts = splitPath(text);
  if (typeof parts === 'string') return parts;
  const [step = '', results, ...path] = parts;
  if (results === 'currentItem' || results === 'index')
    return 'refers to a loop; loops are not supported yet.';
  if (results !== 'results') return 'does not say .results after the step.';
  return { step, path };
}

// A key up to the next dot or bracket, a number in brackets, or a quoted key in brackets. Sticky: one pass.
const part = /([^.[\]"]+)|\[(\d{1,9})\]|\["((?:[^"\\]|\\["\\])*)"\]/y;

function splitPath(text: string): readonly string[] | string {
  const parts: string[] = [];
  let index = 0;
  while (index < text.length || index === 0) {
    if (text[index] === '.' && index > 0) index += 1;
    else if (index > 0 && text[index] !== '[') return 'has a part without a dot before it.';
    part.lastIndex = index;
    const found = part.exec(text);
    if (found === null || (index === 0 && found[1] === undefined)) {
      return index === 0 ? 'does not begin with a step.' : 'has an empty or broken part.';
    }
    if (index > 0 && text[index - 1] === '.' && found[1] === undefined) return 'has an empty or broken part.';
    parts.push(found[1] ?? found[2] ?? (found[3] ?? '').replace(/\\(["\\])/g, '$1'));
    index = part.lastIndex;
  }
  return parts;
}

export type Walked =
  | { readonly kind: 'found'; readonly value: unknown }
  /** `at` is how far the path led; `there` says what stands there. */
  | {
      readonly kind: 'missing';
      readonly at: readonly string[];
      readonly key: string;
      readonly there: string;
    };

/** Own enumerable data only: no prototypes, no lengths, no bytes of buffers. */
export function walk(value: unknown, path: readonly string[]): Walked {
  let here = value;
  for (const [depth, key] of path.entries()) {
    if (!hasPart(here, key)) {
      return { kind: 'missing', at: path.slice(0, depth), key, there: whatIs(here) };
    }
    here = Reflect.get(here, key);
  }
  return { kind: 'found', value: here };
}

function hasPart(value: unknown, key: string): value is object {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return false;
  if (Array.isArray(value) && !/^(?:0|[1-9]\d*)$/.test(key)) return false;
  const own = Object.getOwnPropertyDescriptor(value, key);
  return own !== undefined && own.enumerable === true && 'value' in own;
}

function whatIs(value: unknown): string {
  if (value === null || value === undefined) return 'is empty';
  if (Array.isArray(value)) return `is a list of ${value.length}`;
  if (ArrayBuffer.isView(value)) return 'is a file';
  return typeof value === 'object'
    ? 'has no such part'
    : `is ${typeof value === 'string' ? 'text' : `a ${typeof value}`}`;
}
