// Schemas of zod as JSON Schema 2020-12 for the OpenAPI document; those with an id become its named components.
import { z } from 'zod';
import { Fault } from '../../../kernel/fault.ts';

/** A JSON Schema, or any other part of the document. */
export type JsonNode = { readonly [key: string]: unknown };

export type SchemaBook = {
  readonly components: ReadonlyMap<string, JsonNode>;
  /** `input`: what may be sent. `output`: what is answered. */
  readonly add: (schema: z.ZodType, io: 'input' | 'output') => JsonNode;
};

const localRef = '#/$defs/';

export function createSchemaBook(): SchemaBook {
  const components = new Map<string, JsonNode>();
  return {
    components,
    add(schema, io) {
      const {
        $schema: _,
        $defs,
        ...root
      } = z.toJSONSchema(schema, {
        io,
        unrepresentable: 'any',
        override: ({ jsonSchema }) => {
          tidy(jsonSchema);
        },
      });
      for (const [name, node] of Object.entries($defs ?? {})) {
        if (!isAnyJson(name)) keep(components, name, withComponentRefs(node) as JsonNode);
      }
      return withComponentRefs(root) as JsonNode;
    },
  };
}

function keep(components: Map<string, JsonNode>, name: string, node: JsonNode): void {
  const known = components.get(name);
  if (known !== undefined && JSON.stringify(known) !== JSON.stringify(node)) {
    throw new Fault('internal', `Two schemas are called ${name}.`);
  }
  components.set(name, node);
}

/** The only schema here that refers to itself, and so gets a name of the library's, is "anything that JSON can say". */
function isAnyJson(name: string): boolean {
  return name.startsWith('__schema');
}

function withComponentRefs(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(withComponentRefs);
  if (typeof node !== 'object' || node === null) return node;
  const { $ref } = node as JsonNode;
  if (typeof $ref === 'string' && $ref.startsWith(localRef)) {
    const name = $ref.slice(localRef.length);
    const { $ref: _, ...others } = node as JsonNode;
    return isAnyJson(name) ? others : { $ref: `#/components/schemas/${name}`, ...others };
  }
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, withComponentRefs(value)]));
}

/** Limits that say nothing go; a number that may come as a text says so. */
function tidy(node: z.core.JSONSchema.BaseSchema): void {
  if (node.minimum === Number.MIN_SAFE_INTEGER) delete node.minimum;
  if (node.maximum === Number.MAX_SAFE_INTEGER) delete node.maximum;
  const { alsoText, type, minimum, maximum } = node;
  if (typeof alsoText !== 'string') return;
  delete node.alsoText;
  delete node.type;
  delete node.minimum;
  delete node.maximum;
  node.anyOf = [
    { type, minimum, maximum } as z.core.JSONSchema.BaseSchema,
    { type: 'string', pattern: alsoText },
  ];
}
