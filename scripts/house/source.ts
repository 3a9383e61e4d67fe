// One source file as the house rules see it: where it stands, what it imports, what it calls. Read from a real
// syntax tree, because text search takes comments for code and misses what is spread over lines.
import { parseSync, visitorKeys } from 'oxc-parser';

export type Import = {
  readonly from: string;
  readonly line: number;
  /** Imported value names; `*` for a whole namespace, a dynamic import or a side effect. Empty = types only. */
  readonly values: readonly string[];
};

/** Something the file does that a rule may forbid: `call Date.now`, `read fetch`, `sql`, ... */
export type Deed = { readonly what: string; readonly line: number };
export type FunctionSize = { readonly name: string; readonly line: number; readonly lines: number };

export type Source = {
  readonly path: string;
  readonly room: string;
  readonly isTest: boolean;
  readonly isEndToEnd: boolean;
  readonly lines: readonly string[];
  readonly imports: readonly Import[];
  readonly reexports: readonly Import[];
  readonly deeds: readonly Deed[];
  readonly functions: readonly FunctionSize[];
  readonly syntaxError: string | null;
};

type Node = {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
};
type LineOf = (offset: number) => number;

const builders = new Set([
  'selectFrom',
  'insertInto',
  'updateTable',
  'deleteFrom',
  'mergeInto',
  'replaceInto',
]);
const sqlText =
  /^\s*(select\s[\s\S]+\sfrom\s|insert\s+into\s|update\s[\s\S]+\sset\s|delete\s+from\s|create\s+(table|role|policy)\s|alter\s+table\s|with\s+\w+\s+as\s*\()/i;

/** `src/vault/seal.ts` -> `vault`, `src/compose.ts` -> `compose`, `testing/clock.ts` -> `testing/`. */
export function roomOf(path: string): string {
  const [top = '', second = ''] = path.split('/');
  return top === 'src' ? second.replace(/\..*$/, '') : `${top}/`;
}

export function readSource(path: string, text: string): Source {
  const parsed = parseSync(path, text, { sourceType: 'module' });
  const lineOf = lineFinder(text);
  const found = { deeds: [] as Deed[], functions: [] as FunctionSize[], imports: [] as Import[] };
  const program = parsed.program as unknown as Node;
  const bindsFetch = bindsName(program, 'fetch');
  walk(program, null, '', (node, parent, key) => {
    const line = lineOf(node.start);
    const what = deedOf(node, parent, key, bindsFetch);
    if (what !== null) found.deeds.push({ what, line });
    const dynamic = dynamicImport(node);
    if (dynamic !== null) found.imports.push({ from: dynamic, line, values: ['*'] });
    if (/^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(node.type)) {
      found.functions.push({ name: nameOf(node, parent), line, lines: lineOf(node.end - 1) - line + 1 });
    }
  });
  return {
    path,
    room: roomOf(path),
    isTest: /\.(test|contract|type-test)\.ts$/.test(path),
    isEndToEnd: path.endsWith('.e2e.test.ts'),
    lines: text.replace(/\n$/, '').split('\n'),
    imports: [...statements(program, 'import', lineOf), ...found.imports],
    reexports: statements(program, 'export', lineOf),
    deeds: found.deeds,
    functions: found.functions,
    syntaxError: parsed.errors[0]?.message ?? null,
  };
}

function statements(program: Node, kind: 'import' | 'export', lineOf: LineOf): Import[] {
  const types =
    kind === 'import' ? ['ImportDeclaration'] : ['ExportNamedDeclaration', 'ExportAllDeclaration'];
  const list: Import[] = [];
  for (const node of nodesIn(program.body)) {
    if (!types.includes(node.type) || !isNode(node.source)) continue;
    const from = String(node.source.value);
    list.push({ from, line: lineOf(node.start), values: valueNames(node) });
  }
  return list;
}

function valueNames(statement: Node): string[] {
  if (statement.importKind === 'type' || statement.exportKind === 'type') return [];
  const specifiers = nodesIn(statement.specifiers);
  if (specifiers.length === 0) return ['*'];
  return specifiers
    .filter((node) => node.importKind !== 'type' && node.exportKind !== 'type')
    .map((node) => (isNode(node.imported) ? String(node.imported.name ?? node.imported.value) : '*'));
}

function dynamicImport(node: Node): string | null {
  const isRequire = node.type === 'CallExpression' && isNode(node.callee) && node.callee.name === 'require';
  const argument = isRequire ? nodesIn(node.arguments)[0] : node.type === 'ImportExpression' && node.source;
  return isNode(argument) && typeof argument.value === 'string' ? argument.value : null;
}

function deedOf(node: Node, parent: Node | null, key: string, bindsFetch: boolean): string | null {
  if (node.type === 'MemberExpression') return memberDeed(node, parent, key);
  if (
    node.type === 'NewExpression' &&
    isIdentifier(node.callee, 'Date') &&
    nodesIn(node.arguments).length === 0
  ) {
    return 'new Date()';
  }
  if (node.type === 'CallExpression' && isIdentifier(node.callee, 'Date')) return 'Date()';
  if (isIdentifier(node, 'fetch') && !bindsFetch && isRead(parent, key)) return 'global fetch';
  const piece = node.type === 'TemplateElement' && isRecord(node.value) ? node.value.raw : node.value;
  if ((node.type === 'Literal' || node.type === 'TemplateElement') && typeof piece === 'string') {
    return sqlText.test(piece) ? 'SQL text' : null;
  }
  return null;
}

function memberDeed(node: Node, parent: Node | null, key: string): string | null {
  const property = isNode(node.property) ? String(node.property.name ?? node.property.value) : '';
  const called = parent?.type === 'CallExpression' && key === 'callee';
  if (called && builders.has(property)) return `.${property}()`;
  const object = isNode(node.object) ? String(node.object.name ?? '') : '';
  const name = `${object}.${property}`;
  if (name === 'Date.now' || name === 'performance.now' || name === 'Math.random') return name;
  if (/^process\.hrtime/.test(name)) return 'process.hrtime';
  if (name === 'globalThis.fetch') return 'global fetch';
  if (/^(crypto|webcrypto|globalThis)\.(subtle|crypto)$/.test(name)) return 'web crypto';
  return null;
}

/** True where an identifier's value is used: not a property name, not a key, not a type. */
function isRead(parent: Node | null, key: string): boolean {
  if (parent === null || parent.type.startsWith('TS')) return parent?.type === 'TSAsExpression';
  if (key === 'property') return parent.computed === true;
  if (key === 'key') return parent.computed === true;
  return !/^(ImportSpecifier|ExportSpecifier|LabeledStatement)$/.test(parent.type);
}

/** Does the file bring its own `fetch` (a parameter, a variable, an import)? Then reading it is not the global. */
function bindsName(program: Node, name: string): boolean {
  let binds = false;
  walk(program, null, '', (node, parent, key) => {
    if (!isIdentifier(node, name) || parent === null) return;
    const isPattern = parent.type === 'Property' && key === 'value';
    binds ||=
      key === 'params' ||
      key === 'local' ||
      (parent.type === 'VariableDeclarator' && key === 'id') ||
      (parent.type === 'FunctionDeclaration' && key === 'id') ||
      (parent.type === 'AssignmentPattern' && key === 'left') ||
      (isPattern && isInPattern(program, node));
  });
  return binds;
}

function isInPattern(program: Node, target: Node): boolean {
  let inside = false;
  walk(program, null, '', (node) => {
    if (node.type === 'ObjectPattern' && node.start <= target.start && target.end <= node.end) inside = true;
  });
  return inside;
}

function nameOf(node: Node, parent: Node | null): string {
  const named = [node.id, parent?.id, parent?.key].find(isNode);
  return named === undefined ? 'function' : String(named.name ?? named.value);
}

function walk(
  node: Node,
  parent: Node | null,
  key: string,
  visit: (node: Node, parent: Node | null, key: string) => void,
): void {
  visit(node, parent, key);
  for (const childKey of visitorKeys[node.type] ?? []) {
    const child = node[childKey];
    for (const one of Array.isArray(child) ? child : [child]) {
      if (isNode(one)) walk(one, node, childKey, visit);
    }
  }
}

function lineFinder(text: string): LineOf {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return (offset) => {
    let [low, high] = [0, starts.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isNode(value: unknown): value is Node {
  return isRecord(value) && typeof value.type === 'string';
}

function nodesIn(value: unknown): Node[] {
  return Array.isArray(value) ? value.filter(isNode) : [];
}

function isIdentifier(value: unknown, name: string): boolean {
  return isNode(value) && value.type === 'Identifier' && value.name === name;
}
