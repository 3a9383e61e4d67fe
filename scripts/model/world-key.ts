// The key of a world. Workers are sorted, for it does not matter which is which; and of counters, which only rise, it
// matters only whether a worker's are still the row's.
import {
  type Family,
  noAttempt,
  orphaned,
  type Phase,
  type RowState,
  type Worker,
  type World,
} from './world.ts';

const phases: Readonly<Record<Phase, number>> = {
  idle: 0,
  'has read': 1,
  armed: 2,
  prepared: 3,
  sent: 4,
  granted: 5,
  journaled: 6,
  'on disk': 7,
  refused: 8,
  unsure: 9,
  unspent: 10,
};

const rowStates: Readonly<Record<RowState, number>> = {
  live: 0,
  needs_reauth: 1,
  disconnected: 2,
  pending_confirmation: 3,
};

const consents: Readonly<Record<World['consent'], number>> = { none: 0, 'awaits confirmation': 1, done: 2 };

export function keyOf(world: World): string {
  const { row, families, strays, left } = world;
  const [a = 0, b = 0, c = 0] = world.workers
    .map((worker, index) => workerCode(worker, world, row.attempt === index + 1))
    .sort(ascending);
  const [stray = 0, otherStray = 0] = strays;
  const attempt = row.attempt === noAttempt ? 0 : row.attempt < orphaned ? 1 : row.attempt - orphaned + 2;
  const rowCode =
    ((rowStates[row.state] * 16 + row.token) * 4 + attempt) * 16 +
    bits(row.isOver, row.waits, row.outcomeUnknown, row.isSuspect);
  const strayCode = stray < otherStray ? stray * 16 + otherStray : otherStray * 16 + stray;
  const leftCode =
    ((((left.successes * 2 + left.crashes) * 2 + left.losses) * 2 + left.disconnects) * 2 + left.troubles) *
      2 +
    left.edits;
  const isExpected = world.consentExpects === row.consentNo;
  const restCode =
    (consents[world.consent] * 4 + world.current) * 16 +
    bits(world.isAnswerLost, world.isLossExcused, isExpected, false);
  return String.fromCharCode(
    a >>> 16,
    a & 0xffff,
    b >>> 16,
    b & 0xffff,
    c >>> 16,
    c & 0xffff,
    rowCode,
    strayCode * 128 + leftCode,
    familyCode(families[0]),
    familyCode(families[1]),
    restCode,
  );
}

function workerCode(worker: Worker, { row }: World, owns: boolean): number {
  if (worker.phase === 'idle') return 0;
  const { phase } = worker;
  if (phase === 'armed' || phase === 'unspent') return phases[phase] * 2 ** 13 + (owns ? 1 : 0);
  const isSameConsent = worker.consentNo === row.consentNo;
  const isSame = isSameConsent && worker.tokenNo === row.tokenNo;
  const code = ((phases[phase] * 16 + worker.token) * 16 + worker.fresh) * 32;
  return code + bits(owns, isSame, worker.outcomeUnknown, worker.isSuspect) * 2 + (isSameConsent ? 1 : 0);
}

function familyCode(family: Family): number {
  const { inGrace, isRevoked, isEnded, isPast, isDisconnected } = family;
  const code = (family.next * 8 + family.oldest) * 32;
  return code + bits(inGrace, isRevoked, isEnded, isPast) * 2 + (isDisconnected ? 1 : 0);
}

function bits(a: boolean, b: boolean, c: boolean, d: boolean): number {
  return (a ? 8 : 0) + (b ? 4 : 0) + (c ? 2 : 0) + (d ? 1 : 0);
}

function ascending(a: number, b: number): number {
  return a - b;
}
