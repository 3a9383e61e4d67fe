// Turns the bytes of an answer into named fields without prototypes, whatever content type stands above them.

export type ParsedBody =
  | { readonly kind: 'fields'; readonly fields: Readonly<Record<string, unknown>> }
  | { readonly kind: 'unreadable'; readonly problem: string };

/** Cap for token answers, after decompression. */
export const maxTokenBodyBytes = 65_536;
const maxDepth = 32;
const maxFields = 1_000;

// Copied into ordinary objects by careless code further on, these names would change what that object is.
const poisonous = new Set(['__proto__', 'constructor', 'prototype']);

/** Never throws. The declared type decides only what is tried first: providers mislabel both ways. */
export function parseBody(body: Buffer, contentType: string | null): ParsedBody {
  if (body.length > maxTokenBodyBytes) return unreadable('longer than 64 KiB');
  const text = body
    .toString('utf8')
    .replace(/^\ufeff/, '')
    .trim();
  if (text === '') return unreadable('empty');
  const isForm = contentType?.toLowerCase().includes('x-www-form-urlencoded') ?? false;
  const readers = isForm ? [parseForm, parseJson] : [parseJson, parseForm];
  for (const read of readers) {
    const fields = read(text);
    if (fields !== null) return { kind: 'fields', fields };
  }
  return unreadable(text.startsWith('<') ? 'HTML or XML' : 'neither JSON nor form-encoded');
}

function parseJson(text: string): Readonly<Record<string, unknown>> | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Not JSON: says nothing more than that the next reader has its turn.
    return null;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  return Object.keys(value).length > maxFields ? null : bareObject(value, 0);
}

function bareObject(value: object, depth: number): Record<string, unknown> {
  const bare: Record<string, unknown> = Object.create(null);
  for (const [name, inner] of Object.entries(value)) {
    if (!poisonous.has(name)) bare[name] = bareValue(inner, depth + 1);
  }
  return bare;
}

function bareValue(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  // Deeper than any token answer: dropped, so that nobody walks it recursively.
  if (depth > maxDepth) return null;
  return Array.isArray(value) ? value.map((inner) => bareValue(inner, depth + 1)) : bareObject(value, depth);
}

/** `a=b&c=d` with names that look like names; a repeated name is ambiguous, so the whole is refused. */
function parseForm(text: string): Readonly<Record<string, unknown>> | null {
  if (!/^[A-Za-z_][\w.[\]-]*=[^\s<>{}"]*(?:&[^\s<>{}"]*)*$/.test(text)) return null;
  const fields: Record<string, unknown> = Object.create(null);
  for (const [name, value] of new URLSearchParams(text)) {
    if (name in fields) return null;
    if (!poisonous.has(name)) fields[name] = value;
  }
  return fields;
}

function unreadable(problem: string): ParsedBody {
  return { kind: 'unreadable', problem };
}
