// Markup that cannot carry a stranger's markup: every value put into an `html` template is escaped, unless it is the
// result of another `html` template.

/** Markup made by `html`. There is no way to make one out of a string as it is. */
export class Html {
  readonly #markup: string;

  constructor(parts: readonly string[], values: readonly HtmlValue[]) {
    this.#markup = parts.reduce((text, part, index) => text + toMarkup(values[index - 1]) + part);
  }

  toString(): string {
    return this.#markup;
  }
}

/** `null`, `undefined` and `false` leave nothing, so that `condition && html...` reads well. */
export type HtmlValue = Html | string | number | false | null | undefined | readonly HtmlValue[];

/** Values may stand in text and in attributes with double quotes; never in scripts, styles or names. */
export function html(parts: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return new Html(parts, values);
}

function toMarkup(value: HtmlValue): string {
  if (value === null || value === undefined || value === false) return '';
  if (value instanceof Html) return value.toString();
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return escapeHtml(value);
  return value.map(toMarkup).join('');
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? '');
}
