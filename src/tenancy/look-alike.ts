// Names that a person reads as one word and a program as another. Roles are given by name on pages and in lists, and one that
// looks like a built-in role must be that role. After Unicode TS 39: what is invisible or only a variant is folded away, and
// letters of alphabets that share shapes are not mixed.

const mixable = ['Latin', 'Cyrillic', 'Greek', 'Armenian', 'Cherokee'] as const;
const letters = mixable.map((script) => new RegExp(`\\p{Script=${script}}`, 'u'));

/** Letters of more than one of the alphabets whose letters pass for each other. */
export function mixesAlphabets(text: string): boolean {
  const folded = fold(text);
  return letters.filter((letter) => letter.test(folded)).length > 1;
}

/** True for different texts that look the same, or differ only by case, accents, width or invisible characters. */
export function looksLike(text: string, other: string): boolean {
  return text !== other && fold(text) === fold(other);
}

function fold(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/[\p{M}\p{Default_Ignorable_Code_Point}\s]/gu, '')
    .toLowerCase();
}
