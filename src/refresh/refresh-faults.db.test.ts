// The fault matrix: every way in which a provider can fail, at every kind of rotation, on every path to a request. Each cell has
// a provider of its own, so that no breaker and no throttle of one reaches another.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  ask,
  type FaultCell,
  type Handed,
  mend,
  openCell,
  passWaits,
  putOff,
  type Racers,
  type Sight,
  see,
} from '../../testing/fault-cell.ts';
import { judgeCell } from '../../testing/fault-judge.ts';
import { faults, type Path, paths, type Rotation, rotations } from '../../testing/fault-table.ts';
import { openGate, type RefreshProcess, refreshProcessOn } from '../../testing/refresh-process.ts';
import { openTestHouse, type TestHouse } from '../../testing/test-house.ts';
import { systemClock } from '../kernel/clock.ts';
import { silentLog } from '../kernel/log.ts';
import { createEgress } from '../oauth/egress.ts';
import { productionTimings, type RefreshTimings } from './refresh-timings.ts';

/** The first step is longer than the play on a slow machine: what is sent early is then a mistake, not a retry. */
const patientTimings = { ...productionTimings, retryStepsMs: [60_000] };
/** For providers that keep silent: nobody wants to wait for 20 s. */
const hastyTimings = {
  ...patientTimings,
  sendDeadlineMs: 1_500,
  startSlackMs: 1_500,
  minSendMs: 100,
  settleMs: 60_000,
};
const atOnce = 8;
const rotationNames = Object.keys(rotations) as Rotation[];
const nameOf = (cell: Pick<FaultCell, 'fault' | 'rotation'>) => `${cell.fault.name}, ${cell.rotation}`;

let house: TestHouse;
let patient: Racers;
let hasty: Racers;
beforeAll(async () => {
  house = await openTestHouse();
  patient = await racers(patientTimings);
  hasty = await racers(hastyTimings);
});
afterAll(() => house.close());

async function racers(timings: RefreshTimings): Promise<Racers> {
  const open = (doors = house.doors): Promise<RefreshProcess> => {
    const egress = createEgress({ allow: ['127.0.0.1'], log: silentLog });
    const { folder } = house.testVault;
    const rooms = { doors, vault: house.testVault.again({ doors }), egress, folder };
    return refreshProcessOn(rooms, systemClock, openGate, timings);
  };
  return { timings, processes: [await open(), await open(house.database.again().doors)] };
}

/** Some at a time: a stampede of all cells would be about the machine. */
async function each<I, O>(items: readonly I[], work: (item: I, at: number) => Promise<O>): Promise<O[]> {
  const done: O[] = [];
  const waiting = [...items.entries()];
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [at, item] = next;
      done[at] = await work(item, at);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return done;
}

function of<T>(list: readonly T[], at: number): T {
  const found = list[at];
  if (found === undefined) throw new Error('no evidence of this cell');
  return found;
}

const by = (cell: FaultCell) => (cell.fault.isLate ? hasty : patient);
/** Both processes look for what is due, at the same time. */
const round = (who: Racers) => Promise.all(who.processes.map(({ refresher }) => refresher.runOnce()));
async function beat(): Promise<void> {
  for (const { heartbeat } of [...patient.processes, ...hasty.processes]) await heartbeat.beat();
}

async function act(path: Path, cells: readonly FaultCell[]): Promise<(readonly Handed[])[]> {
  await beat();
  if (path !== 'scheduler') {
    return await each(cells, (cell) => ask(cell, by(cell), path === 'reader' ? 'read' : 'force'));
  }
  // Whoever looks first takes all that is due, so the two kinds come one after the other.
  for (const who of [hasty, patient]) {
    await passWaits(
      house,
      cells.filter((cell) => by(cell) === who),
    );
    await round(who);
  }
  return cells.map(() => []);
}

async function askAgain(cell: FaultCell, after: Sight): Promise<Sight | null> {
  await ask(cell, by(cell), 'read');
  if (cell.fault.effect !== 'refreshed') await ask(cell, by(cell), 'force');
  const early = await see(house, cell);
  return Date.now() < (after.row.refresh_due_at?.getTime() ?? 0) ? early : null;
}

/** All cells of one path go their way together; answers what there is to complain of each. */
async function play(path: Path): Promise<ReadonlyMap<string, readonly string[]>> {
  const plan = rotationNames.flatMap((rotation) => faults.map((fault) => ({ fault, rotation, path })));
  const cells = await each(plan, (what) => openCell(house, what));
  const handed = await act(path, cells);
  const after = await each(cells, (cell) => see(house, cell));
  const served = await each(cells, (cell) => ask(cell, by(cell), 'read'));
  await round(patient);
  const early = await each(cells, (cell, at) => askAgain(cell, of(after, at)));
  await each(cells, mend);
  await passWaits(house, cells);
  await beat();
  await round(patient);
  const healed = await each(cells, (cell) => see(house, cell));
  const servedAtLast = await each(cells, (cell) => ask(cell, by(cell), 'read'));
  await putOff(house);
  const complaints = new Map<string, readonly string[]>();
  for (const [at, cell] of cells.entries()) {
    const evidence = {
      handed: handed[at] ?? [],
      after: of(after, at),
      served: of(served, at),
      early: early[at] ?? null,
      healed: of(healed, at),
      servedAtLast: of(servedAtLast, at),
    };
    complaints.set(nameOf(cell), judgeCell(cell, evidence, by(cell)));
    await cell.emulator.close();
  }
  return complaints;
}

describe.each(paths)('%s', (path) => {
  let complaints: ReadonlyMap<string, readonly string[]>;
  beforeAll(async () => {
    // On a slow machine a play outlasts the fence, behind which a process that has not beaten begins nothing.
    const beating = setInterval(() => void beat(), productionTimings.beatMs);
    complaints = await play(path).finally(() => clearInterval(beating));
  });
  describe.each(rotationNames)('rotation %s', (rotation) => {
    test.each(faults)('$name', (fault) => {
      expect(complaints.get(nameOf({ fault, rotation }))).toEqual([]);
    });
  });
});
