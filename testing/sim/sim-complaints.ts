// Many seeds at once: what there is to complain of, by seed. `npm run sim -- --seed N --seeds 1` plays one of them alone.
import { simulate } from './sim-run.ts';

export async function complaintsOf(
  first: number,
  count: number,
): Promise<Readonly<Record<number, readonly string[]>>> {
  const complaints: Record<number, readonly string[]> = {};
  for (let seed = first; seed < first + count; seed += 1) {
    const report = await simulate(seed);
    if (report.complaints.length > 0) complaints[seed] = report.complaints;
  }
  return complaints;
}
