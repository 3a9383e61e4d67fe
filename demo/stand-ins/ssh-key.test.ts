import ssh2 from 'ssh2';
import { expect, test } from 'vitest';
import { makeSshKey } from './ssh-key.ts';

test('every key can be read, also the one in 250 whose public part begins with a zero byte', () => {
  const keys = Array.from({ length: 2_000 }, makeSshKey).flatMap((key) => [key.private, key.public]);
  expect(keys.filter((key) => ssh2.utils.parseKey(key) instanceof Error)).toEqual([]);
});
