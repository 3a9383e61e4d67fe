// A schema as rows of a table, one per member, for people to read. Named schemas within it are named, not told again.
import type { JsonNode } from './json-schema.ts';

export type SchemaRow = {
  /** `data.attributes.name`; `[]` is every entry of a list. */
  readonly path: string;
  readonly type: string;
  readonly isRequired: boolean;
  /** Which of several forms has it; empty for members of all of them. */
  readonly when: string;
  readonly about: string;
};

type Schemas = Readonly<Record<string, JsonNode>>;
type Place = { readonly path: string; readonly isRequired: boolean };

export function schemaRows(node: JsonNode, schemas: Schemas): readonly SchemaRow[] {
  return rowsAt(resolve(node, schemas), schemas, { path: '', isRequired: true });
}

function rowsAt(node: JsonNode, schemas: Schemas, place: Place): readonly SchemaRow[] {
  const forms = formsOf(node);
  const own: readonly SchemaRow[] = place.path === '' ? [] : [rowOf(node, forms, place)];
  if (forms.length === 1 && forms[0] !== undefined) {
    return [...own, ...memberRows(forms[0], schemas, place.path)];
  }
  if (forms.length > 1) return [...own, ...mergeForms(forms, schemas, place.path)];
  if (isNode(node.items)) return [...own, ...entryRows(node.items, schemas, place.path)];
  return own;
}

function entryRows(items: JsonNode, schemas: Schemas, path: string): readonly SchemaRow[] {
  return rowsAt(items, schemas, { path: `${path}[]`, isRequired: true }).slice(1);
}

function memberRows(node: JsonNode, schemas: Schemas, path: string): readonly SchemaRow[] {
  const required = Array.isArray(node.required) ? node.required : [];
  return Object.entries(isNode(node.properties) ? node.properties : {}).flatMap(([name, member]) =>
    rowsAt(member as JsonNode, schemas, {
      path: path === '' ? name : `${path}.${name}`,
      isRequired: required.includes(name),
    }),
  );
}

/** The objects that a value may be, as far as they have no name. */
function formsOf(node: JsonNode): readonly JsonNode[] {
  if (isNode(node.properties)) return [node];
  const forms = Array.isArray(node.anyOf) ? (node.anyOf as readonly JsonNode[]) : [];
  return forms.filter((form) => isNode(form.properties) && Object.keys(form.properties).length > 0);
}

/** Members that all forms have alike stand once, the others with the form that they belong to. */
function mergeForms(forms: readonly JsonNode[], schemas: Schemas, path: string): readonly SchemaRow[] {
  const lists = forms.map((form) => memberRows(form, schemas, path));
  const isShared = (row: SchemaRow) =>
    lists.every((list) => list.some((other) => JSON.stringify(other) === JSON.stringify(row)));
  const shared = (lists[0] ?? []).filter(isShared);
  const own = forms.flatMap((form, index) => {
    const when = nameOfForm(form, index);
    return (lists[index] ?? []).filter((row) => !isShared(row)).map((row) => ({ ...row, when }));
  });
  return [...shared, ...own];
}

function nameOfForm(form: JsonNode, index: number): string {
  const type = isNode(form.properties) ? form.properties.type : undefined;
  if (isNode(type) && typeof type.const === 'string') return type.const;
  return isNode(type) ? 'other types' : `form ${index + 1}`;
}

function rowOf(node: JsonNode, forms: readonly JsonNode[], { path, isRequired }: Place): SchemaRow {
  const about = typeof node.description === 'string' ? node.description : '';
  return { path, type: forms.length > 1 ? 'object' : typeOf(node), isRequired, when: '', about };
}

function typeOf(node: JsonNode): string {
  if (typeof node.$ref === 'string') return nameIn(node.$ref);
  if (node.const !== undefined) return JSON.stringify(node.const);
  if (Array.isArray(node.enum)) return node.enum.map((value) => JSON.stringify(value)).join(' or ');
  if (Array.isArray(node.anyOf)) return node.anyOf.map((form) => typeOf(form as JsonNode)).join(' or ');
  if (isNode(node.items) && typeof node.items.$ref === 'string') return `list of ${nameIn(node.items.$ref)}`;
  const types = [node.type ?? 'anything'].flat().map(String).join(' or ');
  const limits = [
    ...(node.format === undefined ? [] : [String(node.format)]),
    ...limitOf(node.minimum, node.maximum, ''),
    ...limitOf(node.minLength, node.maxLength, ' characters'),
    ...limitOf(node.minItems, node.maxItems, ' entries'),
  ];
  return limits.length === 0 ? types : `${types} (${limits.join(', ')})`;
}

function limitOf(least: unknown, most: unknown, unit: string): readonly string[] {
  if (least === undefined && most === undefined) return [];
  if (most === undefined) return [`at least ${least}${unit}`];
  return least === undefined ? [`at most ${most}${unit}`] : [`${least} to ${most}${unit}`];
}

function resolve(node: JsonNode, schemas: Schemas): JsonNode {
  if (typeof node.$ref !== 'string') return node;
  return schemas[nameIn(node.$ref)] ?? {};
}

function nameIn(ref: string): string {
  return ref.slice(ref.lastIndexOf('/') + 1);
}

function isNode(value: unknown): value is JsonNode {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
