import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readConfig } from './config.ts';

const read = (env: Readonly<Record<string, string>>) => readConfig(env, '/');

test('a token for metrics that could be guessed is refused before anything is opened', () => {
  expect(read({}).metricsToken).toBe(null);
  expect(read({ LATCHKEY_METRICS_TOKEN: ' ' }).metricsToken).toBe(null);
  expect(read({ LATCHKEY_METRICS_TOKEN: 'a'.repeat(16) }).metricsToken?.revealText()).toBe('a'.repeat(16));
  for (const weak of ['short', 'with a space in it all', 'ü'.repeat(20), 'a'.repeat(1_025)]) {
    expect(() => read({ LATCHKEY_METRICS_TOKEN: weak })).toThrow(
      expect.objectContaining({ code: 'cannot_start' }),
    );
  }
});

test('the README names every variable that is read, and no other', () => {
  const asked = new Set<string>();
  readConfig(
    new Proxy<Record<string, string>>(
      {},
      {
        get: (_, name) => {
          asked.add(String(name));
          return undefined;
        },
      },
    ),
    '/',
  );
  // Read only to be refused.
  asked.delete('NODE_TLS_REJECT_UNAUTHORIZED');
  const page = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const table = page.split('| variable | means | default |\n')[1]?.split('\n\n')[0] ?? '';
  const named = table
    .split('\n')
    .flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`(\w+)`/g)].map((match) => match[1]));
  expect(named.sort()).toEqual([...asked].sort());
});
