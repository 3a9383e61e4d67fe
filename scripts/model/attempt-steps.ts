// What a worker does by itself: arm, read, send, journal, commit or write down how it failed; and taking over.
//
//   idle --arm--> armed --read--> prepared --send--> sent --> granted --> journaled --commit--> idle
//     ^             |                |                 |--> refused --write--> idle
//     +-------------+--- give back --+                 +--> unsure --write--> idle
import type { Step } from './explore.ts';
import { isUsable, type ProviderMode } from './provider-mode.ts';
import type { Comparison, Rules } from './rules.ts';
import {
  abandoned,
  familyOf,
  idle,
  noAttempt,
  orphaned,
  serialOf,
  type Worker,
  type World,
  withFamily,
  withRow,
  withWorker,
} from './world.ts';

export type Variant = { readonly rules: Rules; readonly mode: ProviderMode };

type Doing = { readonly world: World; readonly index: number; readonly worker: Worker };

const free = { attempt: noAttempt, isOver: false } as const;
const well = { waits: false, outcomeUnknown: false, isSuspect: false } as const;

export function attemptSteps(variant: Variant, world: World, index: number, worker: Worker): Step<World>[] {
  const { rules } = variant;
  const doing = { world, index, worker };
  const name = names[index] ?? '';
  switch (worker.phase) {
    case 'idle':
      if (!mayArm(world, rules)) return [];
      return rules.tokensAreReadAfterArming
        ? [step(`${name} arms the grant`, arm(doing, { ...idle, phase: 'armed' }))]
        : [step(`${name} reads tokens and counters`, moved(doing, { ...asRead(world), phase: 'has read' }))];
    case 'has read':
      if (!mayArm(world, rules)) return [step(`${name} finds nothing to arm`, moved(doing, idle))];
      return [step(`${name} arms the grant`, arm(doing, { ...worker, phase: 'prepared' }))];
    case 'armed':
      return [
        step(`${name} reads tokens and counters of the grant it has armed`, prepare(doing)),
        step(`${name} gives the attempt back unsent`, giveBack(doing)),
      ];
    case 'prepared':
      return [
        step(`${name} sends the request`, moved(doing, { ...worker, phase: 'sent' })),
        step(`${name} gives the attempt back unsent`, giveBack(doing)),
      ];
    case 'sent':
      return [];
    case 'granted':
      return [
        step(`${name} writes the answer to its journal`, moved(doing, { ...worker, phase: 'journaled' })),
        step(`${name} commits the answer`, commit(doing, rules, rules.commitCompares)),
      ];
    case 'journaled':
      return [step(`${name} commits the answer`, commit(doing, rules, rules.commitCompares))];
    case 'on disk':
      if (rules.replayWaits && isOthersTurn(world)) return [];
      return [step(`${name} restarts and replays its journal`, commit(doing, rules, rules.replayCompares))];
    case 'refused':
      return [step(`${name} writes down the refusal`, writeRefusal(doing, rules))];
    case 'unsure':
      return [step(`${name} writes down that the outcome is unknown`, writeUnknown(doing, rules))];
    case 'unspent':
      return [step(`${name} gives the attempt back: nothing was executed`, giveBack(doing))];
  }
}

/** By whoever looks; it does not matter who. */
export function takeOverSteps({ rules }: Variant, world: World): Step<World>[] {
  const { attempt, isOver } = world.row;
  if (attempt === noAttempt) return [];
  if (attempt === orphaned) {
    if (!isOver && rules.takesOverAfterDeadline) return [];
    return [step('the attempt of the dead worker is taken over', takenOver(world, rules))];
  }
  if (attempt === abandoned) {
    if (!isOver || !rules.takesBackAbandoned) return [];
    return [step('its owner takes the abandoned attempt back', takenOver(world, rules))];
  }
  if (!isOver || rules.takesOver === 'the dead') return [];
  const words = `the attempt of ${names[attempt - 1]}, paused but alive, is taken over`;
  return [step(words, takenOver(world, rules))];
}

function takenOver(world: World, rules: Rules): World {
  const outcomeUnknown = world.row.outcomeUnknown || rules.takeOverIsUnknown;
  return withRow(world, { ...free, waits: false, outcomeUnknown });
}

export const names = ['A', 'B', 'C'] as const;

export function step(words: string, to: World): Step<World> {
  return { words, to, isOrdinary: true };
}

function mayArm({ row }: World, rules: Rules): boolean {
  if (row.attempt !== noAttempt || row.waits || row.token === 0) return false;
  return row.state === 'live' || (row.state === 'pending_confirmation' && !rules.unconfirmedIsKeptApart);
}

function asRead({ row }: World): Worker {
  const { consentNo, tokenNo, token, outcomeUnknown, isSuspect } = row;
  return { ...idle, consentNo, tokenNo, token, outcomeUnknown, isSuspect };
}

function moved({ world, index }: Doing, worker: Worker): World {
  return withWorker(world, index, worker);
}

function arm(doing: Doing, worker: Worker): World {
  return withRow(moved(doing, worker), { attempt: doing.index + 1, isOver: false });
}

function owns({ world, index }: Doing): boolean {
  return world.row.attempt === index + 1;
}

function prepare(doing: Doing): World {
  const { world } = doing;
  return moved(doing, owns(doing) ? { ...asRead(world), phase: 'prepared' } : idle);
}

/** Compares the attempt alone: whatever changes a counter ends the attempt. */
function giveBack(doing: Doing): World {
  const done = moved(doing, idle);
  return owns(doing) ? withRow(done, free) : done;
}

/** The flight is over and its attempt still armed: nobody works on it any more. */
function flown(doing: Doing): World {
  const done = moved(doing, idle);
  return owns(doing) ? withRow(done, { attempt: abandoned }) : done;
}

/** Somebody has taken over and may be about to send the former token: two requests if a new one were handed out now. */
function isOthersTurn({ row }: World): boolean {
  return row.waits || (row.attempt !== noAttempt && row.attempt !== orphaned);
}

function isAsArmed({ world, worker }: Doing): boolean {
  return world.row.consentNo === worker.consentNo && world.row.tokenNo === worker.tokenNo;
}

function matches(doing: Doing, comparison: Comparison): boolean {
  if (comparison === 'counters') return isAsArmed(doing);
  if (comparison === 'nothing') return true;
  return owns(doing) || (doing.worker.phase === 'on disk' && doing.world.row.attempt === orphaned);
}

function commit(doing: Doing, rules: Rules, comparison: Comparison): World {
  const { world, worker } = doing;
  if (!matches(doing, comparison)) return supersede(doing, rules);
  const { row } = world;
  const stored = withRow(moved(doing, idle), {
    ...free,
    ...well,
    state: 'live',
    token: worker.fresh,
    tokenNo: row.tokenNo + 1,
  });
  const broken = brokenByStoring(world, worker.fresh);
  return isUsable(world, worker.fresh)
    ? { ...stored, isAnswerLost: false, isLossExcused: false, broken }
    : { ...stored, broken };
}

export function brokenByStoring({ row, current }: World, fresh: number): string | null {
  if (current === 0) return 'I2';
  if (familyOf(fresh) !== current) return 'I3';
  return familyOf(row.token) === current && serialOf(fresh) <= serialOf(row.token) ? 'I1' : null;
}

/** Somebody came first. Revoked only where no grant lives that could end with it. */
function supersede(doing: Doing, rules: Rules): World {
  const done = flown(doing);
  const lives = done.row.token !== 0;
  if (lives && rules.lateTokens === 'kept if the grant lives') return done;
  return withFamily(done, familyOf(doing.worker.fresh), { isRevoked: true });
}

function writeUnknown(doing: Doing, rules: Rules): World {
  const { row } = doing.world;
  if (!mayWriteFailure(doing, rules)) return flown(doing);
  return withRow(moved(doing, idle), {
    ...free,
    state: 'live',
    outcomeUnknown: true,
    waits: rules.retryWaitsForDeadline && !row.isOver,
  });
}

function writeRefusal(doing: Doing, rules: Rules): World {
  const { world, worker } = doing;
  if (!mayWriteFailure(doing, rules)) return flown(doing);
  const isFinal = worker.outcomeUnknown || worker.isSuspect || !rules.firstRefusalIsSuspect;
  const written = withRow(moved(doing, idle), {
    ...free,
    state: isFinal ? 'needs_reauth' : 'live',
    isSuspect: true,
    waits: false,
  });
  if (isFinal && isHealthy(world)) return { ...written, broken: 'I5' };
  if (world.row.consentNo !== worker.consentNo) return { ...written, broken: 'I3' };
  return { ...written, broken: isFinal && isMislabelled(world, worker) ? 'I7' : null };
}

function mayWriteFailure(doing: Doing, rules: Rules): boolean {
  return !rules.failureCompares || (owns(doing) && isAsArmed(doing));
}

/** Its token works, or somebody alive holds one that does. */
function isHealthy(world: World): boolean {
  if (isUsable(world, world.row.token)) return true;
  return world.workers.some(
    ({ phase, fresh }) =>
      (phase === 'granted' || phase === 'journaled') &&
      familyOf(fresh) === world.current &&
      isUsable(world, fresh),
  );
}

/** A grant that a lost answer has cost is called lost_rotation; that needs the outcome to be known as unknown. */
function isMislabelled(world: World, worker: Worker): boolean {
  const family = world.families[world.current - 1];
  return world.isAnswerLost && !worker.outcomeUnknown && family !== undefined && !family.isEnded;
}
