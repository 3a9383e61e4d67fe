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
