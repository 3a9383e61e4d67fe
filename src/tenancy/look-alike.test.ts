// cspell:ignore ówner ｏｗｎｅｒ wner Besitzer владелец admi mеmber διαχειριστής مدير ember
import { expect, test } from 'vitest';
import { looksLike, mixesAlphabets } from './look-alike.ts';

test('case, accents, width, spaces and invisible characters do not make another name', () => {
  for (const text of [
    'Owner',
    'OWNER',
    'own\u200ber',
    'ówner',
    'ｏｗｎｅｒ',
    'owner\u00ad',
    'o wner',
    'ow\u2060ner',
  ]) {
    expect(looksLike(text, 'owner'), JSON.stringify(text)).toBe(true);
  }
});

test('the name itself, and names that differ in a letter, look like nothing else', () => {
  for (const text of ['owner', 'owners', 'co-owner', 'member', 'Besitzer', 'владелец']) {
    expect(looksLike(text, 'owner'), text).toBe(false);
  }
});

test('letters of alphabets that share shapes are not mixed; one alphabet, or one beside Han or Arabic, is fine', () => {
  for (const text of ['\u043ewner', 'admi\u03b7', 'mеmber', '\u13e2ember']) {
    expect(mixesAlphabets(text), JSON.stringify(text)).toBe(true);
  }
  for (const text of ['owner', 'владелец', 'διαχειριστής', '管理員 admin', 'مدير admin', 'café-2', '']) {
    expect(mixesAlphabets(text), text).toBe(false);
  }
});
