import { expect, test } from 'vitest';
import { Plain } from '../kernel/plain.ts';
import { checkPassword } from './password-rule.ts';

const context = ['Ada Lovelace', 'ada@example.com', 'Initech'];
const check = (text: string) => () => checkPassword(Plain.fromText(text), context);

test.each([
  ['too short', 'eleven char'],
  ['too long', 'a1b2c3d4'.repeat(26)],
  ['one word that everybody tries first', 'password password'],
  ['the name and a year', 'lovelace1815'],
  ['the organization with digits', 'Initech123456'],
  ['hardly any different characters', 'abababababab'],
])('refuses what is %s', (_what, text) => {
  expect(check(text)).toThrow(expect.objectContaining({ code: 'invalid_field', field: 'password' }));
});

test('refuses an e-mail address of short parts and a digit or two', () => {
  const own = () => checkPassword(Plain.fromText('Al.b@io.dev.me7'), ['Al', 'al.b@io.dev.me', 'IO']);
  expect(own).toThrow(expect.objectContaining({ code: 'invalid_field', field: 'password' }));
});

test.each([
  ['words', 'correct horse battery'],
  ['a random one', 'f7#kQ2!mZ9@p'],
  ['another script', '山の上で三匹の狐が踊る夜'],
  ['characters beyond the basic plane, counted as one each', '🦊🐢🐙🦉🐝🦀🐳🦋🐌🐞🦎🐇'],
])('takes %s', (_what, text) => {
  expect(check(text)).not.toThrow();
});

test('never says what was typed', () => {
  expect(check('lovelace1815')).toThrow(
    expect.objectContaining({ message: expect.not.stringContaining('lovelace') }),
  );
});
