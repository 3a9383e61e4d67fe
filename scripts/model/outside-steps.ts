// What happens to the workers: the provider's answers, time, crashes, lost answers, a database that refuses.
import { names, step, type Variant } from './attempt-steps.ts';
import type { Step } from './explore.ts';
import { executions, isUsable, loseAnswer, settleLoss } from './provider-mode.ts';
import {
  abandoned,
  idle,
  noAttempt,
  orphaned,
  type Phase,
  type Worker,
  type World,
  withFamily,
  withLeft,
  withRow,
  withWorker,
} from './world.ts';

const maxStrays = 2;

type Doing = { readonly world: World; readonly index: number; readonly worker: Worker };

/** Against which nobody can plan: a way out must not need it. */
export function mishap(words: string, to: World): Step<World> {
  return { words, to, isOrdinary: false };
}

export function answerSteps({ mode }: Variant, world: World, index: number, worker: Worker): Step<World>[] {
  if (worker.phase !== 'sent') return [];
  const name = names[index] ?? '';
  const doing = { world, index, worker };
  const steps: Step<World>[] = [];
  for (const { world: after, fresh } of executions(world, mode, worker.token)) {
    const on = { ...doing, world: after };
    steps.push(
      fresh === null
        ? step(`the provider refuses ${name}'s token`, turned(on, 'refused'))
        : step(`the provider executes ${name}'s request and rotates`, granted(on, fresh)),
    );
  }
  steps.push(step(`the provider turns ${name}'s request away unexecuted`, turned(doing, 'unspent')));
  if (world.left.troubles > 0 && isUsable(world, worker.token) && !worker.outcomeUnknown) {
    const tried = { ...doing, world: withLeft(world, 'troubles') };
    steps.push(mishap(`the provider refuses ${name}'s token without reason`, turned(tried, 'refused')));
  }
  return steps;
}

export function mishapSteps({ mode }: Variant, world: World, index: number, worker: Worker): Step<World>[] {
  const name = names[index] ?? '';
  const doing = { world, index, worker };
  const steps: Step<World>[] = [];
  if (worker.phase === 'sent' && world.strays.length < maxStrays) {
    const astray = { ...world, strays: [...world.strays, worker.token] };
    const to = turned({ ...doing, world: astray }, 'unsure');
    steps.push(mishap(`${name} gives up waiting, the request is still on its way`, to));
  }
  if (worker.phase === 'granted' && world.left.losses > 0) {
    const lost = settleLoss(loseAnswer(withLeft(world, 'losses'), worker.fresh), mode);
    steps.push(mishap(`the answer to ${name} is lost`, turned({ ...doing, world: lost }, 'unsure')));
    if (world.row.attempt === index + 1) {
      const to = withRow(withWorker(lost, index, idle), { attempt: abandoned });
      steps.push(mishap(`${name} cannot commit the answer and drops it`, to));
    }
  }
  if (isWriting(worker.phase) && world.row.attempt === index + 1) {
    const to = withRow(withWorker(world, index, idle), { attempt: abandoned });
    steps.push(mishap(`${name} cannot write how it ended and gives up`, to));
  }
  if (world.left.crashes > 0 && worker.phase !== 'idle' && worker.phase !== 'on disk') {
    steps.push(...crashes(doing, name, mode));
  }
  return steps;
}

/** The provider may still execute what nobody waits for any more. */
export function straySteps({ mode }: Variant, world: World): Step<World>[] {
  const steps: Step<World>[] = [];
  for (const [index, token] of world.strays.entries()) {
    for (const { world: after, fresh } of executions(world, mode, token)) {
      const on = { ...after, strays: after.strays.toSpliced(index, 1) };
      if (fresh === null) steps.push(mishap('the provider refuses a request that nobody waits for', on));
      if (fresh === null || on.left.losses === 0) continue;
      const to = settleLoss(loseAnswer(withLeft(on, 'losses'), fresh), mode);
      steps.push(mishap('the provider executes a request that nobody waits for, and rotates', to));
    }
  }
  return steps;
}

/** One clock for all: 10 s after the deadline of everything that has been armed or sent so far. */
export function timeSteps({ mode }: Variant, world: World): Step<World>[] {
  const { row, strays, workers } = world;
  const steps: Step<World>[] = [];
  const isBehind = workers.some(({ phase }) => isOverdue(phase) || phase === 'sent');
  if ((row.attempt !== noAttempt && !row.isOver) || row.waits || strays.length > 0 || isBehind) {
    const later = {
      ...withRow(world, { isOver: row.attempt !== noAttempt, waits: false }),
      strays: [],
      workers: workers.map(afterDeadline),
    };
    steps.push(step('the deadline and 10 s pass', later));
  }
  for (const [index, family] of world.families.entries()) {
    if (!family.inGrace) continue;
    const closed = withFamily(world, index + 1, { inGrace: false, oldest: family.oldest + 1 });
    steps.push(mishap('the grace of the former refresh token ends', settleLoss(closed, mode)));
  }
  return steps;
}

function isOverdue(phase: Phase): boolean {
  return phase === 'armed' || phase === 'prepared';
}

/** What was not sent in time is not sent any more; what was sent in time is not executed any more. */
function afterDeadline(worker: Worker): Worker {
  if (isOverdue(worker.phase)) return { ...idle, phase: 'unspent' };
  return worker.phase === 'sent' ? turnedWorker(worker, 'unsure') : worker;
}

function isWriting(phase: Phase): boolean {
  return phase === 'refused' || phase === 'unsure' || phase === 'unspent';
}

function granted({ world, index, worker }: Doing, fresh: number): World {
  const { consentNo, tokenNo } = worker;
  return withWorker(world, index, { ...idle, phase: 'granted', consentNo, tokenNo, fresh });
}

function turned({ world, index, worker }: Doing, phase: 'refused' | 'unsure' | 'unspent'): World {
  return withWorker(world, index, turnedWorker(worker, phase));
}

/** Forgets what no longer matters: fewer worlds to look at. */
function turnedWorker(worker: Worker, phase: 'refused' | 'unsure' | 'unspent'): Worker {
  const { consentNo, tokenNo, outcomeUnknown, isSuspect } = worker;
  if (phase === 'unspent') return { ...idle, phase };
  if (phase === 'unsure') return { ...idle, phase, consentNo, tokenNo };
  return { ...idle, phase, consentNo, tokenNo, outcomeUnknown, isSuspect };
}

function crashes({ world, index, worker }: Doing, name: string, mode: Variant['mode']): Step<World>[] {
  const owned = world.row.attempt === index + 1 ? withRow(world, { attempt: orphaned }) : world;
  const down = withWorker(withLeft(owned, 'crashes'), index, idle);
  const words = `${name} is killed`;
  switch (worker.phase) {
    case 'sent':
      return down.strays.length < maxStrays
        ? [mishap(words, { ...down, strays: [...down.strays, worker.token] })]
        : [];
    case 'granted':
      return [mishap(`${words} with the answer`, settleLoss(loseAnswer(down, worker.fresh), mode))];
    case 'journaled': {
      const kept = withWorker(down, index, { ...worker, phase: 'on disk' });
      const lost = settleLoss(loseAnswer(down, worker.fresh), mode);
      return [mishap(`${words}, its journal stays`, kept), mishap(`${words}, its disk is lost`, lost)];
    }
    default:
      return [mishap(words, down)];
  }
}
