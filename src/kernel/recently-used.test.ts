import { expect, test } from 'vitest';
import { createRecentlyUsed } from './recently-used.ts';

test('beyond the bound, what was used longest ago is forgotten', () => {
  const memory = createRecentlyUsed<string, number>(3);
  for (const [index, key] of ['a', 'b', 'c'].entries()) memory.set(key, index);
  expect(memory.get('a')).toBe(0);
  memory.set('d', 3);
  expect([...memory.keys()].sort()).toEqual(['a', 'c', 'd']);
  memory.set('d', 4);
  expect(memory.size).toBe(3);
});

test('an empty memory takes no room for what it may hold one day', () => {
  const before = process.memoryUsage().heapUsed;
  const memories = Array.from({ length: 20 }, () => createRecentlyUsed<string, number>(1_000_000));
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(20_000_000);
  expect(memories).toHaveLength(20);
});
