// What anybody may send to a trigger must come through packing and arrive as plain data.
import { expect, test } from 'vitest';
import { pack, unpack } from './packed.ts';
import { bodyData, checkPayload, emptyPayload } from './payload.ts';

const hostile = (name: string, value: unknown) => Object.fromEntries([[name, value]]);

test('a member named __proto__ in query, headers or a JSON body is left out, and the rest arrives', () => {
  const payload = checkPayload({
    ...emptyPayload,
    query: { a: '1', ...hostile('__proto__', 'x') },
    headers: { b: '2', ...hostile('__proto__', 'x') },
  });
  expect(unpack(pack(payload))).toMatchObject({ query: { a: '1' }, headers: { b: '2' } });

  for (const name of ['__proto__', '__pr\\u006fto__']) {
    const body = Buffer.from(`{"kept": [{"deep": 1, "${name}": {"isAdmin": true}}], "${name}": 5}`);
    const data = bodyData({ ...emptyPayload, body, contentType: 'application/json' });
    expect(unpack(pack(data))).toEqual({ kept: [{ deep: 1 }] });
  }
});
