// Names under which providers and components pass refresh tokens and client secrets around. What stands under them is handed to
// nobody, wherever it turns up.

export function isNeverShown(name: string): boolean {
  return /^(refresh[_-]?tokens?|client[_-]?secret)$/i.test(name);
}

/** The first such name at any depth of a value of JSON, or null. */
export function neverShownNameIn(value: unknown): string | null {
  if (typeof value !== 'object' || value === null) return null;
  for (const [name, inner] of Object.entries(value)) {
    if (!Array.isArray(value) && isNeverShown(name)) return name;
    const found = neverShownNameIn(inner);
    if (found !== null) return found;
  }
  return null;
}
