// Text with places in it: `{{#Name}}` is a config variable, `{{$step.results.path}}` the result of an earlier step.

export type TemplatePart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'configVariable'; readonly key: string }
  | { readonly kind: 'reference'; readonly path: string };

const opening = /\{\{([#$])/g;

/** The parts in order, or a sentence about what is wrong. One pass. */
export function parseTemplate(text: string): readonly TemplatePart[] | string {
  const parts: TemplatePart[] = [];
  let index = 0;
  opening.lastIndex = 0;
  for (let found = opening.exec(text); found !== null; found = opening.exec(text)) {
    const end = text.indexOf('}}', opening.lastIndex);
    if (end < 0) return `has a place that is not closed by }}.`;
    const inside = text.slice(opening.lastIndex, end).trim();
    if (inside === '' || inside.includes('{{')) return 'has an empty or broken place between {{ and }}.';
    if (found.index > index) parts.push({ kind: 'text', text: text.slice(index, found.index) });
    parts.push(
      found[1] === '#' ? { kind: 'configVariable', key: inside } : { kind: 'reference', path: inside },
    );
    index = end + 2;
    opening.lastIndex = index;
  }
  if (index < text.length) parts.push({ kind: 'text', text: text.slice(index) });
  return parts;
}
