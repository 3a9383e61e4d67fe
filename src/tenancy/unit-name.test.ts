import { expect, test } from 'vitest';
import { checkName } from './unit.ts';

test('a name is what people see: nothing invisible that breaks lines or turns the text around', () => {
  const refused = [
    '',
    '  ',
    'x'.repeat(501),
    'a\u0000b',
    'a\nb',
    'half \ud800',
    'gpj.\u202egnp',
    '\u2067ab\u2069',
  ];
  for (const name of refused) {
    expect(() => checkName(name, 'label'), JSON.stringify(name)).toThrow(
      expect.objectContaining({ code: 'invalid_field', field: 'label' }),
    );
  }
  // Marks that belong to a script's own way of writing stay.
  for (const name of [
    'Hooli',
    '\u05e9\u05dc\u05d5\u05dd\u200f (1)',
    '\u0646\u0627\u0645\u200c\u062e\u0627\u0646\u0647',
    'é'.normalize('NFD'),
    '👩‍🚀',
  ]) {
    expect(checkName(` ${name} `)).toBe(name);
  }
});
