import { expect, test } from 'vitest';
import { complaintsOf } from '../../testing/sim/sim-complaints.ts';
import { simulate } from '../../testing/sim/sim-run.ts';

// The first half of the seeds; the other half is beside it, for the other core.
test.each(Array.from({ length: 10 }, (_, at) => 1 + at * 50))(
  'whatever dies, stands still, is cut off or refused: the invariants of refreshing hold, seeds from %i',
  async (first) => {
    expect(await complaintsOf(first, 50)).toEqual({});
  },
);

test('the same seed plays the same way', async () => {
  expect(await simulate(7)).toEqual(await simulate(7));
});
