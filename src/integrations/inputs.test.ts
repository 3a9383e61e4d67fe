import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isFault } from '../kernel/fault.ts';
import type { Expression, ListItem, Step } from './definition.ts';
import { type RunValues, resolveInputs } from './inputs.ts';
import { parseReference, referenceKey, referenceName } from './reference.ts';
import { parseTemplate } from './template-text.ts';

function stepWith(inputs: Readonly<Record<string, Expression>>): Step {
  return {
    name: 'Write Address',
    stableKey: 'w',
    description: '',
    isTrigger: false,
    action: { component: { key: 'c', isPublic: true, version: { kind: 'latest' } }, key: 'a' },
    inputs: Object.entries(inputs).map(([name, value]) => ({ name, value, extra: {} })),
    credentialVariable: null,
    onError: null,
    extra: {},
  };
}

const photo = Buffer.from([0xff, 0xd8, 0xff, 0x00]);
const values: RunValues = {
  configVariables: new Map<string, unknown>([
    ['Bucket', 'photos'],
    ['Count', 3],
    ['Dropbox Connection', { key: 'oauth2', fields: {} }],
    ['Empty', null],
  ]),
  results: new Map<string, unknown>([
    [
      referenceKey('List Photos'),
      { entries: [{ name: 'a.jpg', 'x.y': { '': 1 } }], 'odd key': 'o', none: null },
    ],
    [referenceKey('Download Photo'), photo],
    [referenceKey('Text'), 'plain'],
    [referenceKey('Wrapped'), { data: photo, view: new Uint8Array([1, 2]) }],
    [referenceKey('Own'), JSON.parse('{"__proto__": {"own": 1}, "hasOwnProperty": 2}')],
  ]),
};

function resolved(expression: Expression): unknown {
  return resolveInputs(stepWith({ it: expression }), values).it;
}

function refused(expression: Expression): string {
  try {
    resolved(expression);
  } catch (error) {
    if (isFault(error, 'invalid_field')) return error.public;
    throw error;
  }
  throw new Error('nothing was refused');
}

const reference = (path: string): Expression => ({ kind: 'reference', path });
const template = (text: string): Expression => ({ kind: 'template', text });

test('a value, a config variable and places left empty come as they are', () => {
  expect(resolved({ kind: 'value', value: { a: [1] } })).toEqual({ a: [1] });
  expect(resolved({ kind: 'configVariable', key: 'Bucket' })).toBe('photos');
  expect(resolved({ kind: 'configVariable', key: 'Dropbox Connection' })).toBe(
    values.configVariables.get('Dropbox Connection'),
  );
  expect(resolved({ kind: 'configVariable', key: 'Empty' })).toBeNull();
  expect(resolved({ kind: 'configVariable', key: null })).toBeNull();
  expect(resolved({ kind: 'reference', path: null })).toBeNull();
});

test.each([
  ['listPhotos.results.entries[0].name', 'a.jpg'],
  ['listPhotos.results.entries.0.name', 'a.jpg'],
  ['List Photos.results.entries.0.name', 'a.jpg'],
  ['listphotos.results["entries"][0]["name"]', 'a.jpg'],
  ['listPhotos.results.entries[0]["x.y"][""]', 1],
  ['listPhotos.results.odd key', 'o'],
  ['listPhotos.results.none', null],
  ['text.results', 'plain'],
  ['own.results.__proto__.own', 1],
  ['own.results.hasOwnProperty', 2],
])('the reference %s leads to its value', (path, value) => {
  expect(resolved(reference(path))).toEqual(value);
});

test('a buffer is handed on as the same bytes, whole or inside of a result', () => {
  expect(resolved(reference('downloadPhoto.results'))).toBe(photo);
  expect(resolved(reference('wrapped.results.data'))).toBe(photo);
});

test.each([
  ['listPhotos.results.entries[1]', '"listPhotos.results.entries" is a list of 1, so it has no "1"'],
  ['listPhotos.results.entries.length', 'is a list of 1'],
  ['listPhotos.results.entries[00]', 'is a list of 1'],
  ['listPhotos.results.entries.map', 'is a list of 1'],
  ['listPhotos.results.nothing.deeper', '"listPhotos.results" has no such part, so it has no "nothing"'],
  ['listPhotos.results.none.x', 'is empty'],
  ['text.results.length', 'is text'],
  ['downloadPhoto.results.length', 'is a file'],
  ['downloadPhoto.results[0]', 'is a file'],
  ['wrapped.results.view.buffer', 'is a file'],
  ['listPhotos.results.constructor', 'has no such part'],
  ['listPhotos.results.__proto__', 'has no such part'],
  ['listPhotos.results.toString.constructor', 'has no such part'],
  ['laterStep.results', 'has given no result'],
])('the reference %s fails with a message that names step, input and where it stopped', (path, message) => {
  const said = refused(reference(path));
  expect(said).toContain('step "Write Address", input "it"');
  expect(said).toContain(message);
  expect(said).not.toContain('a.jpg');
});

test('a getter in a result is not called', () => {
  let called = false;
  const trap = Object.defineProperty({}, 'x', {
    enumerable: true,
    get: () => {
      called = true;
      return 1;
    },
  });
  const step = stepWith({ it: reference('trap.results.x') });
  expect(() => resolveInputs(step, { ...values, results: new Map([['trap', trap]]) })).toThrow(
    'leads nowhere',
  );
  expect(called).toBe(false);
});

test('a template joins text, config variables and results', () => {
  expect(
    resolved(template('{{#Bucket}}/{{ $x }}-{{$listPhotos.results.entries[0].name}}{{# Count }}{{#Empty}}.')),
  ).toBe('photos/{{ $x }}-a.jpg3.');
  expect(resolved(template('{{Bucket}} {#} }} no place'))).toBe('{{Bucket}} {#} }} no place');
});

test('only text and numbers stand in a template', () => {
  expect(refused(template('{{#Dropbox Connection}}'))).toContain('"{{#Dropbox Connection}}" is not text');
  expect(refused(template('{{$downloadPhoto.results}}'))).toContain('is not text');
  expect(refused(template('{{#Unknown}}'))).toContain('"Unknown" has no value');
});

test('a template cannot be made to grow without end', () => {
  const big: RunValues = { ...values, results: new Map([['big', 'x'.repeat(1_000_000)]]) };
  const step = stepWith({ it: template('{{$big.results}}'.repeat(50)) });
  expect(() => resolveInputs(step, big)).toThrow('grows too long');
});

test('a list gives values, and pairs where items have names', () => {
  const entry = (name: Expression | null, value: Expression): ListItem => ({
    kind: 'entry',
    name,
    value,
    extra: {},
  });
  const list: Expression = {
    kind: 'list',
    items: [
      entry(null, { kind: 'value', value: 1 }),
      entry({ kind: 'value', value: 'X-Bucket' }, { kind: 'configVariable', key: 'Bucket' }),
      entry({ kind: 'configVariable', key: 'Count' }, reference('downloadPhoto.results')),
      { kind: 'group', items: [{ kind: 'bare', value: 'and' }, entry(null, template('{{#Count}}!'))] },
    ],
  };
  expect(resolved(list)).toEqual([
    1,
    { key: 'X-Bucket', value: 'photos' },
    { key: '3', value: photo },
    ['and', '3!'],
  ]);
});

test('no name of an input reaches a prototype', () => {
  const step = stepWith({});
  const hostile: Step = {
    ...step,
    inputs: [{ name: '__proto__', value: { kind: 'value', value: { isAdmin: true } }, extra: {} }],
  };
  const inputs = resolveInputs(hostile, values);
  expect(Reflect.get(inputs, 'isAdmin')).toBeUndefined();
  expect(Object.getPrototypeOf(inputs)).toBe(Object.prototype);
});

test('all spellings of a step’s name are one, and other names stay apart', () => {
  for (const spelling of [
    'createAcmeErpPayload',
    'createAcmeerpPayload',
    'Create AcmeERP Payload',
    'create_acme-erp payload',
  ]) {
    expect(referenceKey(spelling)).toBe('createacmeerppayload');
  }
  expect(referenceKey('Größe')).toBe(referenceKey('grosse'));
  expect(referenceKey('ΑΣ Β')).toBe(referenceKey('αςΒ'));
  expect(referenceKey('0 \u1c80')).toBe(referenceKey('0\u0412'));
  expect(referenceKey('Step 1')).not.toBe(referenceKey('Step 11'));
  expect(referenceName('List Photos')).toBe('listPhotos');
  expect(referenceName('POST to AcmeERP')).toBe('pOSTToAcmeERP');
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme' }),
      (name) => referenceKey(referenceName(name)) === referenceKey(name),
    ),
  );
});

test.each([
  '',
  '.',
  'a',
  'a.',
  '.results',
  'a.results.',
  'a..results',
  'a.results[',
  'a.results[]',
  'a.results["x]',
  "a.results['x']",
  'a.results[-1]',
  'a.results[0]x',
  'a.results.[0]',
  '[0].results',
  'a.b.results',
  'x'.repeat(2_001),
])('the reference %j is malformed and said to be so', (text) => {
  expect(typeof parseReference(text)).toBe('string');
});

test('every path that is written is the path that is read', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme', maxLength: 8 }), { maxLength: 8 }), (path) => {
      const written = path.map((key) => `["${key.replace(/["\\]/g, '\\$&')}"]`).join('');
      expect(parseReference(`step.results${written}`)).toEqual({ step: 'step', path });
    }),
  );
});

test('a template without places is its own text, and hostile ones are read in one pass', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const plain = text.replaceAll('{{', '');
      expect(parseTemplate(plain)).toEqual(plain === '' ? [] : [{ kind: 'text', text: plain }]);
    }),
  );
  // Quadratic work on these would take minutes and meet the test's own limit.
  expect(typeof parseTemplate('{{#'.repeat(1_000_000))).toBe('string');
  expect(parseTemplate('{{#a}}'.repeat(200_000))).toHaveLength(200_000);
});
