import { expect, test } from 'vitest';
import { simulatedSeeds } from '../../testing/extent.ts';
import { complaintsOf } from '../../testing/sim/sim-complaints.ts';
import { simulate } from '../../testing/sim/sim-run.ts';

// The first half of the seeds; the other half is in refresh-mistakes.sim.test.ts, for the other core.
const part = simulatedSeeds / 20;
test.each(Array.from({ length: 10 }, (_, at) => 1 + at * part))(
  'whatever dies, stands still, is cut off or refused: the invariants of refreshing hold, seeds from %i',
  async (first) => {
    expect(await complaintsOf(first, part)).toEqual({});
  },
);

test('the same seed plays the same way', async () => {
  expect(await simulate(7)).toEqual(await simulate(7));
});
