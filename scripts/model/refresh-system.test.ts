import { describe, expect, test } from 'vitest';
import { explore } from './explore.ts';
import { judgeMutant } from './judge.ts';
import { mutants } from './mutants.ts';
import { providerModes } from './provider-mode.ts';
import { refreshSystem, type Size } from './refresh-system.ts';
import { realRules } from './rules.ts';

const small: Size = {
  workers: 2,
  left: { successes: 1, crashes: 1, losses: 1, disconnects: 1, troubles: 0, edits: 0 },
};

describe.each(providerModes)('at a provider of the kind: %s', (mode) => {
  test('two workers break no invariant, whatever happens in whatever order', () => {
    const { finding, states } = explore(refreshSystem({ rules: realRules, mode }, small));
    expect(finding).toBeNull();
    expect(states).toBeGreaterThan(1_000);
  });
});

test('a commit that compares nothing brings a disconnected grant back to life, and is caught on the shortest way', () => {
  const blind = mutants.find(({ name }) => name === 'blind-commit');
  if (blind === undefined) throw new Error('no such mutant');
  const { ok, exploration } = judgeMutant(blind);
  expect(ok).toBe(true);
  expect(exploration.finding).toEqual({
    rule: 'I2',
    trace: [
      'A arms the grant',
      'A reads tokens and counters of the grant it has armed',
      'A sends the request',
      "the provider executes A's request and rotates",
      'somebody disconnects',
      'A commits the answer',
    ],
  });
});

test('a mutant that breaks nothing survives, and that is a failure', () => {
  const harmless = { name: 'none', words: '', change: {}, mode: 'strict', breaks: ['I1'] } as const;
  expect(judgeMutant(harmless).ok).toBe(false);
});

test('a mutant that breaks another invariant than the one it stands for is a failure', () => {
  const mistaken = {
    name: 'blind-commit',
    words: '',
    change: { commitCompares: 'nothing' },
    mode: 'strict',
    breaks: ['I6'],
  } as const;
  expect(judgeMutant(mistaken).ok).toBe(false);
});

test('each mutant has a name of its own and changes a rule', () => {
  expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length);
  for (const { change } of mutants) {
    const changed = Object.entries(change).filter(([rule, value]) => Reflect.get(realRules, rule) !== value);
    expect(changed.length).toBeGreaterThan(0);
  }
});
