// YAML text from strangers as plain JSON, in linear time and bounded memory: no duplicate keys, no expanding aliases,
// no `__proto__`, nothing that JSON or the database cannot hold.
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Node,
  type Pair,
  type ParsedNode,
  parseDocument,
  type Scalar,
  type YAMLMap,
} from 'yaml';
import { Fault } from '../kernel/fault.ts';
import type { Json } from './definition.ts';
import { DefinitionFault, Problems, under } from './problems.ts';

const maxYamlBytes = 2 * 1024 * 1024;
// The parser takes some 5 us a token and worse for broken input; a dense file of a megabyte has 250,000 tokens.
const maxTokens = 250_000;
// Real files reach 16 levels. Every recursion over the tree, ours and JSON's, relies on this number.
const maxDepth = 50;
// What aliases may expand to in all.
const maxNodes = 250_000;

/** Throws `too_large`, or `invalid_field` with every problem found. */
export function readYamlTree(text: string): Json {
  if (Buffer.byteLength(text, 'utf8') > maxYamlBytes) {
    throw new Fault('too_large', 'The definition is larger than 2 MB.', {
      field: 'definition',
      cure: 'Move documentation and long code out of it.',
    });
  }
  refuseCostly(text);
  const lines = new LineCounter();
  const document = parseDocument(text, {
    // Checked below: the library compares each key with all before it.
    uniqueKeys: false,
    // Its pretty messages quote the source, which may hold a secret.
    prettyErrors: false,
    // 'silent' would also hide that a second document follows.
    logLevel: 'error',
    schema: 'core',
    version: '1.2',
    lineCounter: lines,
  });
  const problems = new Problems();
  for (const { code, pos } of [...document.errors, ...document.warnings].slice(0, 10)) {
    const { line, col } = lines.linePos(pos[0]);
    problems.add(
      'definition',
      `line ${line}, column ${col} is not YAML that we read (${code.toLowerCase().replaceAll('_', ' ')}).`,
      'Correct the text there.',
    );
  }
  problems.throwIfAny();
  const tree = new TreeReader(problems).read(document.contents, '', 0);
  problems.throwIfAny();
  return tree.value;
}

/** The parser is far slower than its lexer on hostile text (a thousand errors cost more than a file), so that looks first. */
function refuseCostly(text: string): void {
  let tokens = 0;
  let openBrackets = 0;
  for (const token of new Lexer().lex(text)) {
    tokens += 1;
    if (tokens > maxTokens) {
      throw new Fault('too_large', 'The definition has too many parts.', {
        field: 'definition',
        cure: 'Split the integration into several.',
      });
    }
    if (token === '[' || token === '{') openBrackets += 1;
    if (token === ']' || token === '}') openBrackets -= 1;
    if (openBrackets > maxDepth) throw tooDeep();
    if (openBrackets < 0) throw broken('a bracket closes that was never opened.', 'Remove it.');
    // Directives are legal and nobody writes them; %YAML could even change how values are read.
    if (token.startsWith('%')) throw broken('it has directives (%).', 'Remove the lines that begin with %.');
  }
}

function broken(problem: string, cure: string): Fault {
  return new DefinitionFault([{ field: 'definition', problem, cure }]);
}

function tooDeep(): Fault {
  return broken(`it is nested deeper than ${maxDepth} levels.`, 'Flatten it.');
}

type Built = { readonly value: Json; readonly nodes: number; readonly height: number };
const nothing: Built = { value: null, nodes: 1, height: 0 };

class TreeReader {
  readonly #problems: Problems;
  readonly #anchors = new Map<string, Built>();
  #nodes = 0;

  constructor(problems: Problems) {
    this.#problems = problems;
  }

  read(node: Node | ParsedNode | null | undefined, path: string, depth: number): Built {
    if (depth > maxDepth) throw tooDeep();
    this.#count(1);
    if (node === null || node === undefined) return nothing;
    if (isAlias(node)) return this.#alias(node.source, path, depth);
    const built = isScalar(node)
      ? { ...nothing, value: this.#scalar(node, path) }
      : isMap(node)
        ? this.#map(node, path, depth)
        : isSeq(node)
          ? this.#list(node.items as readonly Node[], path, depth)
          : nothing;
    // Registered after its content: an alias inside its own anchor is a circle and finds nothing.
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, built);
    return built;
  }

  #count(nodes: number): void {
    this.#nodes += nodes;
    if (this.#nodes > maxNodes) {
      throw new Fault('too_large', 'The definition is too large once its aliases are written out.', {
        field: 'definition',
        cure: 'Use fewer aliases.',
      });
    }
  }

  #alias(source: string, path: string, depth: number): Built {
    const built = this.#anchors.get(source);
    if (built === undefined) {
      this.#add(path, 'refers to an anchor that does not stand before it.', 'Name an earlier anchor.');
      return nothing;
    }
    this.#count(built.nodes);
    if (depth + built.height > maxDepth) throw tooDeep();
    return built;
  }

  #scalar(node: Scalar, path: string): Json {
    const { value } = node;
    if (typeof value === 'string') {
      if (/[\0\p{Cs}]/u.test(value)) {
        this.#add(
          path,
          'has a character that cannot be stored.',
          'Remove NUL and broken Unicode characters.',
        );
      }
      return value;
    }
    if (value === null || typeof value === 'boolean') return value;
    if (typeof value === 'number' && Number.isFinite(value)) {
      if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
        this.#add(path, 'is a number too large to be kept exactly.', 'Put it in quotes.');
      }
      // JSON has no negative zero; what is stored must equal what was read.
      return value === 0 ? 0 : value;
    }
    this.#add(
      path,
      'is a kind of value that is not supported.',
      'Write text, a number, true, false or null.',
    );
    return null;
  }

  #list(items: readonly Node[], path: string, depth: number): Built {
    const list: Json[] = [];
    const size = new Size();
    items.forEach((item, index) => {
      list.push(size.with(this.read(item, under(path, index), depth + 1)));
    });
    return { value: list, ...size.total };
  }

  #map(map: YAMLMap, path: string, depth: number): Built {
    const record: Record<string, Json> = {};
    const size = new Size();
    for (const pair of map.items) {
      const key = this.#key(pair, path);
      if (key === null) continue;
      const at = under(path, key);
      if (key === '__proto__') this.#add(at, 'is not a possible name.', 'Rename it.');
      else if (Object.hasOwn(record, key)) this.#add(at, 'stands twice.', 'Keep one of them.');
      else record[key] = size.with(this.read(pair.value as Node | null, at, depth + 1));
    }
    return { value: record, ...size.total };
  }

  #key(pair: Pair, path: string): string | null {
    const key = pair.key;
    if (isScalar(key)) {
      if (typeof key.value === 'string' && !/[\0\p{Cs}]/u.test(key.value)) return key.value;
      if (typeof key.value === 'number' || typeof key.value === 'boolean')
        return key.source ?? String(key.value);
    }
    this.#add(path, 'has a key that is not text.', 'Use text as keys.');
    return null;
  }

  #add(path: string, problem: string, cure: string): void {
    this.#problems.add(path === '' ? 'definition' : path, problem, cure);
  }
}

class Size {
  #nodes = 1;
  #height = 0;

  with(built: Built): Json {
    this.#nodes += built.nodes;
    this.#height = Math.max(this.#height, built.height + 1);
    return built.value;
  }

  get total(): { readonly nodes: number; readonly height: number } {
    return { nodes: this.#nodes, height: this.#height };
  }
}
