// `npm run chaos`: processes that refresh, killed and stopped at random against three providers and one database, judged by the
// providers' ledgers. `--kills 200 --seed 7 --grants 20`; on DATABASE_URL if there is one. Exit code 0 only without a complaint.
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { defaultPlan } from '../testing/chaos/chaos-plan.ts';
import { runChaos } from '../testing/chaos/chaos-run.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: String(defaultPlan.kills) },
    seed: { type: 'string', default: String(randomInt(1_000_000)) },
    grants: { type: 'string', default: String(defaultPlan.grantsEach) },
  },
});
const seed = Number(values.seed);
console.log(`seed ${seed}: ${values.kills} kills, ${values.grants} grants at each of three providers`);
const report = await runChaos({
  ...defaultPlan,
  seed,
  kills: Number(values.kills),
  grantsEach: Number(values.grants),
  say: (line) => console.log(`  ${line}`),
});
for (const complaint of report.complaints) console.log(`  ${complaint}`);
const { complaints, lost, repeated, requests, reads, refused, seconds, stalledSeconds } = report;
console.log(
  `  ${reads} reads, ${refused} told to wait or to reconnect; ${repeated} requests repeated after a blow`,
);
console.log(
  `chaos: ${complaints.length} complaints, ${requests} token requests, lost ${lost.none}/${lost.grace}/${lost.strict} (none/grace/strict), ${seconds} s (the machine stood still for ${stalledSeconds}), seed ${seed}`,
);
process.exit(complaints.length === 0 ? 0 : 1);
