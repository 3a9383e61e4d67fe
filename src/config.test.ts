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

test('a public address with a path is refused, with the one to give', () => {
  expect(read({ PUBLIC_URL: 'https://example.com/' }).publicUrl).toBe('https://example.com');
  expect(read({ PUBLIC_URL: 'http://localhost:4080' }).publicUrl).toBe('http://localhost:4080');
  for (const path of ['/path', '/path/', '//']) {
    expect(() => read({ PUBLIC_URL: `https://example.com${path}` })).toThrow(
      expect.objectContaining({ message: expect.stringContaining('PUBLIC_URL has a path') }),
    );
  }
});

test('who listens on all addresses says which one browsers use', () => {
  const tls = { TLS_CERT_FILE: '/cert', TLS_KEY_FILE: '/key' };
  for (const host of ['0.0.0.0', '::']) {
    expect(() => read({ ...tls, HOST: host })).toThrow(
      expect.objectContaining({ cure: expect.stringContaining('PUBLIC_URL') }),
    );
    expect(read({ ...tls, HOST: host, PUBLIC_URL: 'https://example.com' }).host).toBe(host);
  }
  expect(read({ ...tls, HOST: 'connect.example.com' }).publicUrl).toBe(null);
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
