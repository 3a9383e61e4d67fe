import { randomInt } from 'node:crypto';
import { expect, test } from 'vitest';
import { defaultPlan } from '../../testing/chaos/chaos-plan.ts';
import { runChaos } from '../../testing/chaos/chaos-run.ts';

test('three processes, killed 20 times among pauses, database crashes and outages: no request too many, nothing lost without reason', async () => {
  const seed = randomInt(1_000_000);
  const report = await runChaos({ ...defaultPlan, seed, say: () => {} });
  // The seed is in here so that `npm run chaos -- --seed` can play it again.
  const { complaints, lost, counts } = report;
  expect({ seed, complaints, none: lost.none, grace: lost.grace, kills: counts.kill }).toEqual({
    seed,
    complaints: [],
    none: 0,
    grace: 0,
    kills: defaultPlan.kills,
  });
  expect(report.requests).toBeGreaterThan(100);
  expect(report.reads).toBeGreaterThan(100);
}, 240_000);
