// The refresh protocol as a system to explore: all steps of a world, and the invariants that each world must keep.
import { attemptSteps, takeOverSteps, type Variant } from './attempt-steps.ts';
import type { Step, System } from './explore.ts';
import { answerSteps, mishapSteps, straySteps, timeSteps } from './outside-steps.ts';
import { peopleSteps } from './people-steps.ts';
import { isUsable } from './provider-mode.ts';
import { createWorld, familyOf, type Left, noAttempt, type World } from './world.ts';
import { keyOf } from './world-key.ts';

export type Size = { readonly workers: 1 | 2 | 3; readonly left: Left };

export function refreshSystem(variant: Variant, { workers, left }: Size): System<World> {
  return {
    initial: createWorld(workers, left),
    key: keyOf,
    stepsOf: (world) => stepsOf(variant, world),
    brokenRule,
    rest: { rule: 'I6', isAtRest },
  };
}

function stepsOf(variant: Variant, world: World): Step<World>[] {
  const steps: Step<World>[] = [];
  let hasIdle = false;
  for (const [index, worker] of world.workers.entries()) {
    if (worker.phase === 'idle') {
      // What one of them can do, the others could do as well.
      if (hasIdle) continue;
      hasIdle = true;
    }
    steps.push(...attemptSteps(variant, world, index, worker));
    steps.push(...answerSteps(variant, world, index, worker));
    steps.push(...mishapSteps(variant, world, index, worker));
  }
  steps.push(...takeOverSteps(variant, world), ...straySteps(variant, world));
  steps.push(...timeSteps(variant, world), ...peopleSteps(variant, world));
  return steps;
}

function brokenRule(world: World): string | null {
  if (world.broken !== null) return world.broken;
  const { row, families } = world;
  if (row.token !== 0 && families[familyOf(row.token) - 1]?.isDisconnected === true) return 'I2';
  if (requestsOf(world, 1) > 1 || requestsOf(world, 2) > 1) return 'I4';
  return isLostWithoutExcuse(world) ? 'I7' : null;
}

/** Requests of one consent that the provider may still execute. */
function requestsOf(world: World, family: number): number {
  let total = 0;
  for (const { phase, token } of world.workers)
    if (phase === 'sent' && familyOf(token) === family) total += 1;
  for (const token of world.strays) if (familyOf(token) === family) total += 1;
  return total;
}

/** Nobody, not even a journal, holds a token that works; and neither death nor a lost answer is to blame. */
function isLostWithoutExcuse(world: World): boolean {
  const { current } = world;
  const family = world.families[current - 1];
  if (family === undefined || family.isEnded || world.isLossExcused) return false;
  if (isUsable(world, world.row.token)) return false;
  return !world.workers.some(
    ({ fresh }) => fresh !== 0 && familyOf(fresh) === current && isUsable(world, fresh),
  );
}

/** Nobody is at work, and the grant may be refreshed at once, or is over and so in truth. */
function isAtRest(world: World): boolean {
  const { row, workers, strays } = world;
  if (row.attempt !== noAttempt || strays.length > 0) return false;
  if (workers.some(({ phase }) => phase !== 'idle')) return false;
  if (row.state === 'disconnected') return true;
  const works = isUsable(world, row.token);
  return row.state === 'live' ? works && !row.waits : !works;
}
