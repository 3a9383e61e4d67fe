import { expect, test } from 'vitest';
import { explore, type Step, type System } from './explore.ts';

/** A jug of five and a jug of three litres: four litres cannot be had in less than six pourings. */
type Jugs = readonly [five: number, three: number];

function jugs(change: Partial<System<Jugs>> = {}): System<Jugs> {
  return {
    initial: [0, 0],
    key: ([five, three]) => `${five}:${three}`,
    stepsOf: ([five, three]) => [
      pour('fill five', [5, three]),
      pour('fill three', [five, 3]),
      pour('empty five', [0, three]),
      pour('empty three', [five, 0]),
      pour('five into three', [five - Math.min(five, 3 - three), three + Math.min(five, 3 - three)]),
      pour('three into five', [five + Math.min(three, 5 - five), three - Math.min(three, 5 - five)]),
    ],
    brokenRule: ([five]) => (five === 4 ? 'no four litres' : null),
    rest: null,
    ...change,
  };
}

function pour(words: string, to: Jugs, isOrdinary = true): Step<Jugs> {
  return { words, to, isOrdinary };
}

test('what breaks a rule is found on a shortest way, told step by step', () => {
  expect(explore(jugs()).finding).toEqual({
    rule: 'no four litres',
    trace: ['fill five', 'five into three', 'empty three', 'five into three', 'fill five', 'five into three'],
  });
});

test('without a broken rule all states are visited once', () => {
  const { states, finding } = explore(jugs({ brokenRule: () => null }));
  expect(finding).toBeNull();
  // All pairs in which one jug is empty or full.
  expect(states).toBe(16);
});

test('a state without a way to rest is found, and a way out by mishap does not count', () => {
  const isAtRest = ([five, three]: Jugs) => five + three === 0;
  const rest = { rule: 'can be emptied', isAtRest };
  const onlyFill = (isOrdinary: boolean) =>
    jugs({
      brokenRule: () => null,
      rest,
      stepsOf: ([five, three]) =>
        five < 5 ? [pour('fill a litre', [five + 1, three])] : [pour('drop the jug', [0, three], isOrdinary)],
    });
  expect(explore(onlyFill(true)).finding).toBeNull();
  expect(explore(onlyFill(false)).finding).toEqual({ rule: 'can be emptied', trace: ['fill a litre'] });
});

test('a system without an end is given up', () => {
  const counting = jugs({
    brokenRule: () => null,
    stepsOf: ([five]) => [pour('one more', [five + 1, 0])],
  });
  expect(() => explore(counting, 1_000)).toThrow('More than 1000 states');
});
