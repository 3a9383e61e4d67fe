// Reads `{type, value}` pairs: where an input's value comes from.
import type { Expression, Json, ListItem } from './definition.ts';
import { Fields, kindOf } from './fields.ts';
import { type Problems, under } from './problems.ts';
import { parseReference } from './reference.ts';
import { parseTemplate } from './template-text.ts';

const empty: Expression = { kind: 'value', value: '' };
const expressionTypes = ['value', 'configVar', 'reference', 'template', 'complex'] as const;

/** Takes `type` and `value` out of `fields`; a problem leaves the empty value. */
export function readExpression(fields: Fields): Expression {
  const type = fields.oneOf('type', expressionTypes);
  switch (type) {
    case null:
      fields.take('value');
      return empty;
    case 'value':
      return { kind: 'value', value: fields.take('value', true) ?? null };
    case 'configVar':
      return { kind: 'configVariable', key: fields.optionalText('value', 200) };
    case 'reference':
      return readReference(fields);
    case 'template':
      return readTemplate(fields);
    case 'complex':
      return { kind: 'list', items: readItems(fields) };
  }
}

function readReference(fields: Fields): Expression {
  const path = fields.optionalText('value');
  const parsed = path === null ? null : parseReference(path);
  if (typeof parsed === 'string') {
    fields.wrong('value', parsed, 'Write it as earlierStep.results.path[0].to.value.');
  }
  return { kind: 'reference', path };
}

function readTemplate(fields: Fields): Expression {
  const text = fields.text('value', { fallback: '', maxLength: 100_000 });
  const cure = 'Write {{#Config Variable}} or {{$earlierStep.results.path}}.';
  const parts = parseTemplate(text);
  if (typeof parts === 'string') {
    fields.wrong('value', parts, cure);
    return { kind: 'template', text };
  }
  for (const part of parts) {
    const parsed = part.kind === 'reference' ? parseReference(part.path) : null;
    if (typeof parsed === 'string') fields.wrong('value', `has a reference that ${parsed}`, cure);
  }
  return { kind: 'template', text };
}

const maxItems = 10_000;

function readItems(fields: Fields): readonly ListItem[] {
  // Files carry an empty text where a list was never filled in.
  const value = fields.take('value');
  if (value === undefined || value === '') return [];
  if (!Array.isArray(value) || value.length > maxItems) {
    fields.wrong(
      'value',
      Array.isArray(value) ? 'is too long.' : `is ${kindOf(value)}.`,
      'Write a list of items.',
    );
    return [];
  }
  return value.map((item: Json, index) => readItem(item, under(fields.at('value'), index), fields.problems));
}

function readItem(item: Json, path: string, problems: Problems): ListItem {
  if (Array.isArray(item)) {
    return {
      kind: 'group',
      items: item.map((inner: Json, index) => readItem(inner, under(path, index), problems)),
    };
  }
  if (item === null || typeof item !== 'object') return { kind: 'bare', value: item };
  const fields = Fields.of(item, path, problems);
  const name = readName(fields);
  const value = readExpression(fields);
  return { kind: 'entry', name, value, extra: fields.rest() };
}

/** A name is text, or itself an expression. */
function readName(fields: Fields): Expression | null {
  const name = fields.take('name');
  if (name === undefined || name === '') return null;
  if (typeof name === 'string') return { kind: 'value', value: name };
  const inner = Fields.of(name, fields.at('name'), fields.problems);
  const expression = readExpression(inner);
  if (expression.kind === 'list') {
    fields.wrong('name', 'is a list.', 'Write one name.');
    return null;
  }
  return expression.kind === 'value' && (expression.value === '' || expression.value === null)
    ? null
    : expression;
}
