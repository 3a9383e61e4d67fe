import { expect, test } from 'vitest';
import { simulatedSeeds } from '../../testing/extent.ts';
import { complaintsOf } from '../../testing/sim/sim-complaints.ts';
import { simulate } from '../../testing/sim/sim-run.ts';
import { mutants } from '../../testing/sim/sim-store.ts';

const part = simulatedSeeds / 20;
test.each(Array.from({ length: 10 }, (_, at) => 1 + (10 + at) * part))(
  'whatever dies, stands still, is cut off or refused: the invariants of refreshing hold, seeds from %i',
  async (first) => {
    expect(await complaintsOf(first, part)).toEqual({});
  },
);

test.each(mutants)('the judge is awake: the mistake "%s" is found out', async (mutant) => {
  let found = 0;
  for (let seed = 1; seed <= 100 && found === 0; seed += 1) {
    found += (await simulate(seed, mutant)).complaints.length;
  }
  expect(found).toBeGreaterThan(0);
});
