// Reads the text of a request once, and refuses what would cost more than it can be worth before anybody validates or
// runs it: the tokens, depth, aliases and fields (with fragments spread out) of real clients are far below these.
import {
  type DocumentNode,
  type FragmentDefinitionNode,
  Kind,
  type OperationDefinitionNode,
  parse,
  type SelectionSetNode,
  type StringValueNode,
  visit,
} from 'graphql';
import { LRUCache } from 'lru-cache';
import { Fault } from '../../kernel/fault.ts';

export const limits = {
  textBytes: 100_000,
  tokens: 4_000,
  depth: 12,
  valueDepth: 20,
  aliases: 15,
  fields: 500,
  directives: 50,
  operations: 10,
} as const;

export type QueryDocument = {
  readonly operations: readonly OperationDefinitionNode[];
};

const remembered = 200;

export function createDocumentReader(): (text: string) => QueryDocument {
  const known = new LRUCache<string, QueryDocument>({ max: remembered });
  return (text) => {
    const seen = known.get(text);
    if (seen !== undefined) return seen;
    const read = readDocument(text);
    known.set(text, read);
    return read;
  };
}

function readDocument(text: string): QueryDocument {
  if (Buffer.byteLength(text) > limits.textBytes) throw tooMuch(`${limits.textBytes} bytes of text`);
  const document = parseText(text);
  checkValues(document);
  const operations = document.definitions.filter((node) => node.kind === Kind.OPERATION_DEFINITION);
  const fragments = fragmentsOf(document);
  if (operations.length > limits.operations) throw tooMuch(`${limits.operations} operations`);
  // All operations together: only one runs, but all of them are validated.
  const tally: Tally = { fields: 0, aliases: 0, directives: 0 };
  for (const operation of operations) {
    measure(operation.selectionSet, { fragments, tally, depth: 1, within: new Set() });
  }
  return { operations };
}

/** The library descends once for every bracket: text within the limits can still be deeper than the stack. */
function parseText(text: string): DocumentNode {
  try {
    return parse(text, { maxTokens: limits.tokens });
  } catch (error) {
    if (error instanceof RangeError) throw tooMuch(`${limits.valueDepth} levels of lists and objects`);
    throw error;
  }
}

/** Lists in lists in lists: what refuses them prints them, and that grows with the square of their depth. */
function checkValues(document: DocumentNode): void {
  let depth = 0;
  const nested = {
    enter: () => {
      depth += 1;
      if (depth > limits.valueDepth) throw tooMuch(`${limits.valueDepth} levels of lists and objects`);
    },
    leave: () => {
      depth -= 1;
    },
  };
  const StringValue = ({ value }: StringValueNode) => {
    if (value.includes('\u0000'))
      throw new Fault('bad_request', 'A text in the query holds a NUL character.');
  };
  visit(document, { ListValue: nested, ObjectValue: nested, ListType: nested, StringValue });
}

function fragmentsOf(document: DocumentNode): ReadonlyMap<string, FragmentDefinitionNode> {
  const fragments = document.definitions.filter((node) => node.kind === Kind.FRAGMENT_DEFINITION);
  return new Map(fragments.map((fragment) => [fragment.name.value, fragment]));
}

type Tally = { fields: number; aliases: number; directives: number };
type Place = {
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  readonly tally: Tally;
  readonly depth: number;
  /** Fragments that we are inside of: a circle is refused here, before it is walked for ever. */
  readonly within: ReadonlySet<string>;
};

function measure(set: SelectionSetNode, place: Place): void {
  const { tally, fragments, within } = place;
  if (place.depth > limits.depth) throw tooMuch(`${limits.depth} levels of fields`);
  for (const selection of set.selections) {
    tally.directives += selection.directives?.length ?? 0;
    // Spreads count as well: fragments that double and hold no field at all would never end.
    tally.fields += 1;
    if (selection.kind === Kind.FIELD && selection.alias !== undefined) tally.aliases += 1;
    check(tally);
    if (selection.kind === Kind.FIELD) {
      // Introspection has a depth rule of its own in the validation.
      const isIntrospection = selection.name.value === '__schema' || selection.name.value === '__type';
      if (selection.selectionSet !== undefined) {
        measure(selection.selectionSet, { ...place, depth: isIntrospection ? -1_000 : place.depth + 1 });
      }
    } else if (selection.kind === Kind.INLINE_FRAGMENT) {
      measure(selection.selectionSet, place);
    } else {
      const name = selection.name.value;
      if (within.has(name)) throw new Fault('bad_request', `Fragment "${name.slice(0, 60)}" spreads itself.`);
      const fragment = fragments.get(name);
      // An unknown fragment is the validation's to explain.
      if (fragment !== undefined) {
        measure(fragment.selectionSet, { ...place, within: new Set([...within, name]) });
      }
    }
  }
}

function check(tally: Tally): void {
  if (tally.fields > limits.fields) throw tooMuch(`${limits.fields} fields`);
  if (tally.aliases > limits.aliases) throw tooMuch(`${limits.aliases} aliases`);
  if (tally.directives > limits.directives) throw tooMuch(`${limits.directives} directives`);
}

function tooMuch(limit: string): Fault {
  return new Fault('bad_request', `The query holds more than ${limit}.`, {
    cure: 'Split it into several requests, or use variables instead of text.',
  });
}
