// `npm run sim`: the decisions of refreshing on simulated time. `--seeds 20000 --seed 1` plays so many seeds from the first one;
// `--mutant "blind commit"` breaks the store on purpose. Exit code 0 only without a complaint.
import { parseArgs } from 'node:util';
import { simulate } from '../testing/sim/sim-run.ts';
import { mutants } from '../testing/sim/sim-store.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    mutant: { type: 'string' },
  },
});
const mutant = mutants.find((name) => name === values.mutant) ?? null;
if (values.mutant !== undefined && mutant === null) throw new Error(`Mutants: ${mutants.join(', ')}`);
const first = Number(values.seed);
const startedMs = performance.now();
let failed = 0;
let requests = 0;
let lost = 0;
for (let seed = first; seed < first + Number(values.seeds); seed += 1) {
  const report = await simulate(seed, mutant);
  requests += report.requests;
  lost += report.lost;
  if (report.complaints.length === 0) continue;
  failed += 1;
  if (failed <= 5) console.log(`seed ${seed}:\n  ${report.complaints.join('\n  ')}`);
}
const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
console.log(
  `sim: ${failed} of ${values.seeds} seeds complain, ${requests} token requests, ${lost} grants lost for a reason, ${seconds} s`,
);
process.exit(failed === 0 ? 0 : 1);
