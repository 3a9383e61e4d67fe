import { expect, test } from 'vitest';
import { silentLog } from '../kernel/log.ts';
import { createDial } from './egress.ts';
import { createNameLookups } from './name-lookups.ts';

/** Names are answered when the test says so. */
function openNames() {
  const asked: { readonly host: string; readonly answer: () => void }[] = [];
  const resolve = (host: string) =>
    new Promise<readonly string[]>((done) => {
      asked.push({ host, answer: () => done(['192.0.2.1']) });
    });
  return { asked, resolve };
}

test('a tenant looks up eight names at once, each of them once; other tenants do not notice', async () => {
  const { asked, resolve } = openNames();
  const look = createNameLookups(resolve);
  const eight = Array.from({ length: 8 }, (_, at) => look('one', `name-${at}.example`));
  const again = look('one', 'name-0.example');
  await expect(look('one', 'further.example')).rejects.toMatchObject({ name: 'TooManyNamesAtOnce' });
  const others = look('two', 'further.example');
  expect(asked).toHaveLength(9);
  asked[0]?.answer();
  expect(await again).toEqual(await eight[0]);
  const further = look('one', 'further.example');
  expect(asked).toHaveLength(10);
  for (const { answer } of asked) answer();
  await Promise.all([...eight, others, further]);
});

test('who asks and leaves at once does not free a place that is still in use', async () => {
  const { asked, resolve } = openNames();
  const dial = createDial({ allow: [], log: silentLog, resolve });
  for (let at = 0; at < 50; at += 1) {
    const left = new AbortController();
    const dialled = dial(`name-${at}.example`, 443, { tenant: 'one', signal: left.signal });
    left.abort();
    await expect(dialled).rejects.toThrow();
  }
  expect(asked).toHaveLength(8);
  for (const { answer } of asked) answer();
});
