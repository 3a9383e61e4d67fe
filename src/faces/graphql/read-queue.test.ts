import { describe, expect, test } from 'vitest';
import type { Tx } from '../../storage/doors.ts';
import { createReadQueue } from './read-queue.ts';

describe('reads of one request', () => {
  test('share one transaction, one after the other', async () => {
    let opened = 0;
    let running = 0;
    let most = 0;
    const read = createReadQueue(async (work) => {
      opened += 1;
      await work({} as Tx);
    });
    const one = () =>
      read(async () => {
        running += 1;
        most = Math.max(most, running);
        await Promise.resolve();
        running -= 1;
      });
    await Promise.all(Array.from({ length: 20 }, one));
    expect([opened, most]).toEqual([1, 1]);
    await one();
    expect(opened).toBe(2);
  });

  test('fail by themselves: the others get their answers', async () => {
    const read = createReadQueue((work) => work({} as Tx));
    const results = await Promise.allSettled([
      read(async () => 1),
      read(async () => {
        throw new Error('not this one');
      }),
      read(async () => 3),
    ]);
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  test('all learn that the transaction could not be opened', async () => {
    const read = createReadQueue(async () => {
      throw new Error('away');
    });
    const results = await Promise.allSettled([read(async () => 1), read(async () => 2)]);
    expect(results.map((result) => result.status)).toEqual(['rejected', 'rejected']);
  });
});
