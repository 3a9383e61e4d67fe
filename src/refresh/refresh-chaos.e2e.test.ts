import { randomInt } from 'node:crypto';
import { expect, test } from 'vitest';
import { defaultPlan } from '../../testing/chaos/chaos-plan.ts';
import { runChaos } from '../../testing/chaos/chaos-run.ts';
import { chaosKills } from '../../testing/extent.ts';

test(`three processes, killed ${chaosKills} times among pauses, database crashes and outages: no request too many, nothing lost without reason`, async () => {
  const seed = randomInt(1_000_000);
  const report = await runChaos({ ...defaultPlan, kills: chaosKills, seed, say: () => {} });
  // The seed is in here so that `npm run chaos -- --seed` can play it again.
  const { complaints, lost, counts } = report;
  expect({ seed, complaints, none: lost.none, grace: lost.grace, kills: counts.kill }).toEqual({
    seed,
    complaints: [],
    none: 0,
    grace: 0,
    kills: chaosKills,
  });
  expect(report.requests).toBeGreaterThan(5 * chaosKills);
  expect(report.reads).toBeGreaterThan(5 * chaosKills);
}, 240_000);
