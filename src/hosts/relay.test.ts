import { expect, test } from 'vitest';
import { createRelay, type DialReply } from './relay.ts';

test('a step that dials in a loop what it cannot reach is stopped after 1,000 failures, and told why', async () => {
  let dialled = 0;
  const replies: DialReply[] = [];
  const relay = createRelay({
    directory: '/nowhere',
    directoryInChild: '/nowhere',
    tenant: 'tenant',
    dial: () => {
      dialled += 1;
      return Promise.reject(Object.assign(new Error('10.1.2.3'), { code: 'ECONNREFUSED' }));
    },
    reply: (reply) => replies.push(reply),
  });
  for (let id = 0; id < 1_200; id += 1) {
    relay.open(id, 'inside.example', 80);
    await new Promise(setImmediate);
  }
  expect(dialled).toBe(1_000);
  expect(replies).toHaveLength(1_200);
  expect(replies[999]).toMatchObject({ type: 'dial-failed', code: 'ECONNREFUSED' });
  expect(replies[1_000]).toEqual({
    type: 'dial-failed',
    id: 1_000,
    code: 'EMFILE',
    message: 'More than 1000 connections of this step have failed.',
  });
});
