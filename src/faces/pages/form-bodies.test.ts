import { expect, test } from 'vitest';
import { readForm } from './form-bodies.ts';

const read = (text: string) => readForm(Buffer.from(text, 'latin1'));

test.each([
  ['a=1&b=two+words&c=%C3%A9t%C3%A9', { a: '1', b: 'two words', c: 'été' }],
  ['a=1&a=2&b', { a: ['1', '2'], b: '' }],
  ['a=b=c&&=x', { a: 'b=c', '': 'x' }],
  ['a=100%&b=%zz', { a: '100%', b: '%zz' }],
  ['', {}],
])('a form is read as browsers write it: %s', (text, fields) => {
  expect(read(text)).toEqual(fields);
});

test('bytes that are UTF-8 without being escaped are text as well', () => {
  expect(readForm(Buffer.from('name=Zoë'))).toEqual({ name: 'Zoë' });
});

test.each(['name=%FF%FE', 'name=\xff\xfe', 'name=%C3', 'name=%ED%A0%80'])(
  'what is no text is refused with the name of its field: %s',
  (text) => {
    expect(() => read(`a=1&${text}`)).toThrow(
      expect.objectContaining({ code: 'invalid_field', field: 'name' }),
    );
  },
);

test('names of inherited properties are names like any other', () => {
  const form = read('__proto__=x&constructor=y');
  expect(Object.entries(form)).toEqual([
    ['__proto__', 'x'],
    ['constructor', 'y'],
  ]);
  expect(Object.getPrototypeOf(form)).toBe(Object.prototype);
});
