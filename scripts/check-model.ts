// `npm run check:model`: explores the refresh protocol and its mutants. Exit code 0 only if the protocol breaks nothing
// and each mutant is caught. `--json`; `--trace <mutant>` tells how one is caught; `--deep` explores more, for minutes.
import { parseArgs } from 'node:util';
import { type Judged, judgeMutant, judgeReal } from './model/judge.ts';
import { mutants } from './model/mutants.ts';
import { jsonOf, storyOf, summaryOf, tableOf } from './model/report.ts';

const { values } = parseArgs({
  options: { json: { type: 'boolean' }, trace: { type: 'string' }, deep: { type: 'boolean' } },
});
process.exitCode = values.trace === undefined ? checkAll() : tell(values.trace);

function checkAll(): number {
  const started = performance.now();
  const rows: Judged[] = [...judgeReal(values.deep === true), ...mutants.map(judgeMutant)];
  const seconds = (performance.now() - started) / 1000;
  if (values.json === true) {
    console.log(jsonOf(rows, seconds));
  } else {
    console.log(tableOf(rows));
    for (const row of rows.filter(({ ok }) => !ok)) console.log(`\n${storyOf(row)}`);
    console.log(`\n${summaryOf(rows, seconds)}`);
  }
  return rows.every(({ ok }) => ok) ? 0 : 1;
}

function tell(name: string): number {
  const mutant = mutants.find((one) => one.name === name);
  if (mutant === undefined) {
    console.error(`No mutant "${name}". Mutants: ${mutants.map((one) => one.name).join(' ')}`);
    return 1;
  }
  const judged = judgeMutant(mutant);
  console.log(storyOf(judged));
  return judged.ok ? 0 : 1;
}
