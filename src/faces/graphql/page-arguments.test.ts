import { describe, expect, test } from 'vitest';
import { isFault } from '../../kernel/fault.ts';
import type { Page, PageRequest } from '../../kernel/page.ts';
import { type PageArguments, pageOf, toCursor } from './page-arguments.ts';

const list = (length: number) => async (page: PageRequest) => {
  const items = Array.from({ length }, (_, index) => index).slice(page.offset, page.offset + page.limit);
  return { items, totalCount: length, offset: page.offset };
};
const shown = async (args: PageArguments, length = 10) => (await pageOf(args, list(length))).items;

describe('paging', () => {
  test('begins at an empty cursor and goes on after the last one, without gap or repetition', async () => {
    const seen: number[] = [];
    let after: string | null = '';
    while (after !== null) {
      const page: Page<number> = await pageOf({ first: 3, after }, list(10));
      seen.push(...page.items);
      const end = page.offset + page.items.length;
      after = end < page.totalCount ? toCursor(end - 1) : null;
    }
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test('a hundred is the default and the most', async () => {
    expect(await shown({}, 250)).toHaveLength(100);
    expect(await shown({ first: 100 }, 250)).toHaveLength(100);
  });

  test('first, last, before, after and offset agree with Relay', async () => {
    expect(await shown({ first: 2, after: toCursor(3) })).toEqual([4, 5]);
    expect(await shown({ last: 2 })).toEqual([8, 9]);
    expect(await shown({ last: 2, before: toCursor(5) })).toEqual([3, 4]);
    expect(await shown({ before: toCursor(2) })).toEqual([0, 1]);
    expect(await shown({ first: 4, last: 2 })).toEqual([2, 3]);
    expect(await shown({ first: 2, offset: 5 })).toEqual([5, 6]);
    expect(await shown({ last: 3 }, 1)).toEqual([0]);
    expect(await shown({ after: toCursor(9) })).toEqual([]);
    expect(await shown({ first: 0 })).toEqual([]);
    expect((await pageOf({ first: 0 }, list(10))).totalCount).toBe(10);
  });

  test('what is no number of things or no cursor is named', async () => {
    const field = async (args: PageArguments) => {
      try {
        await pageOf(args, list(1));
      } catch (error) {
        if (isFault(error, 'invalid_field')) return error.field;
      }
      return null;
    };
    const cursor = (text: string) => Buffer.from(text).toString('base64');
    expect(await field({ first: 101 })).toBe('first');
    expect(await field({ first: -1 })).toBe('first');
    expect(await field({ last: 101 })).toBe('last');
    expect(await field({ offset: -1 })).toBe('offset');
    for (const after of [
      'x',
      cursor('arrayconnection:-1'),
      cursor('arrayconnection:1e3'),
      cursor('Customer:1'),
    ]) {
      expect(await field({ after })).toBe('after');
    }
    expect(await field({ after: cursor('arrayconnection:99999999999') })).toBe('after');
    expect(await field({ before: 'arrayconnection:1' })).toBe('before');
  });
});
