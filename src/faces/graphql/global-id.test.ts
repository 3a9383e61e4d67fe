import { describe, expect, test } from 'vitest';
import { isFault } from '../../kernel/fault.ts';
import { newId } from '../../kernel/ids.ts';
import { fromGlobalId, parseGlobalId, toGlobalId } from './global-id.ts';

const uuid = '2e3d9e95-0a52-4b4e-8a3c-0a2d3c5b6e7f';

describe('global ids', () => {
  test('are padded base64 of Type:uuid', () => {
    expect(toGlobalId('Customer', uuid)).toBe('Q3VzdG9tZXI6MmUzZDllOTUtMGE1Mi00YjRlLThhM2MtMGEyZDNjNWI2ZTdm');
    expect(toGlobalId('User', uuid)).toMatch(/=$/);
    expect(parseGlobalId(toGlobalId('User', uuid))).toEqual({ type: 'User', id: uuid });
  });

  test('are read only in the one spelling in which they are written', () => {
    const id = toGlobalId('User', uuid);
    const odd = [
      '',
      uuid,
      id.replace(/=+$/, ''),
      `${id}=`,
      ` ${id}`,
      `${id}\n`,
      id.replace('V', '-'),
      toGlobalId('User', uuid.toUpperCase()),
      toGlobalId('User', `${uuid} `),
      Buffer.from(`Users:${uuid}`).toString('base64'),
      Buffer.from(`constructor:${uuid}`).toString('base64'),
      Buffer.from(`User:${uuid}:${uuid}`).toString('base64'),
      Buffer.from(`User:\u0000${uuid}`).toString('base64'),
      'x'.repeat(100_000),
    ];
    for (const text of odd) expect(parseGlobalId(text), text.slice(0, 80)).toBeNull();
  });

  test('of another type, of nobody and of no form are refused in the same words', () => {
    const refusal = (text: string) => {
      try {
        fromGlobalId('Credential', text, 'id');
      } catch (error) {
        if (isFault(error)) return [error.code, error.public, error.field];
      }
      return null;
    };
    const words = ['not_found', 'Credential not found. Check the id and that you have access to it.', 'id'];
    expect(refusal('nonsense')).toEqual(words);
    expect(refusal(toGlobalId('Customer', newId<never>()))).toEqual(words);
  });
});
