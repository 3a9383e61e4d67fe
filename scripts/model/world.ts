// The world of the model: the grant's row, the workers that refresh it, the provider's memory, and what may still happen.
// Its key is equal for worlds that differ only in which worker is which.

/** What the provider issued: a family for each consent, numbered within it. 0 = none. */
export type Token = number;

const tokensOfFamily = 8;

export function tokenOf(family: number, serial: number): Token {
  return (family - 1) * tokensOfFamily + serial;
}

export function familyOf(token: Token): number {
  return Math.floor(token / tokensOfFamily) + 1;
}

export function serialOf(token: Token): number {
  return token % tokensOfFamily;
}

/** Of the row: nobody's, or else the number of the worker (from 1) that works on it, or one of the two below. */
export const noAttempt = 0;
/** Its owner's heartbeat is gone. */
export const orphaned = 8;
/** Its owner lives and has given it up: the database refused what it had to write. */
export const abandoned = 9;

export type RowState = 'live' | 'needs_reauth' | 'disconnected' | 'pending_confirmation';

/** `oauth_grant`, as far as refreshing looks at it. 'live' stands for active and degraded. */
export type Row = {
  readonly consentNo: number;
  readonly tokenNo: number;
  readonly state: RowState;
  readonly token: Token;
  readonly attempt: number;
  /** attempt_deadline + 10 s has passed. */
  readonly isOver: boolean;
  /** refresh_due_at is the deadline + 10 s of an attempt whose outcome is unknown. */
  readonly waits: boolean;
  readonly outcomeUnknown: boolean;
  readonly isSuspect: boolean;
};

export type Phase =
  | 'idle'
  /** Only where a rule is changed: has read the tokens before it armed. */
  | 'has read'
  | 'armed'
  | 'prepared'
  | 'sent'
  /** The provider has answered with tokens, which are on their way or held in memory. */
  | 'granted'
  /** These tokens are in the journal too. */
  | 'journaled'
  /** They are only in the journal: the process died. */
  | 'on disk'
  | 'refused'
  | 'unsure'
  /** Certainly nothing was executed. */
  | 'unspent';

export type Worker = {
  readonly phase: Phase;
  /** As read after arming. */
  readonly consentNo: number;
  readonly tokenNo: number;
  readonly token: Token;
  readonly outcomeUnknown: boolean;
  readonly isSuspect: boolean;
  /** What the provider answered. */
  readonly fresh: Token;
};

/** What the provider remembers of one consent. */
export type Family = {
  /** The next token's serial; 0 = no such consent yet. */
  readonly next: number;
  /** The oldest refresh token that still works. */
  readonly oldest: number;
  /** That one has been used already and works only until the grace ends. */
  readonly inGrace: boolean;
  readonly isRevoked: boolean;
  /** By the provider or its user: nothing of ours ended it. */
  readonly isEnded: boolean;
  /** The grant has gone on to another consent or to none; the provider may answer its requests either way. */
  readonly isPast: boolean;
  /** It was given before a disconnect: nothing of it may ever be stored again. */
  readonly isDisconnected: boolean;
};

export type Left = {
  readonly successes: number;
  readonly crashes: number;
  readonly losses: number;
  readonly disconnects: number;
  /** A refusal without reason, or the end of the consent at the provider. */
  readonly troubles: number;
  /** Of a client secret, or of the tokens by hand. */
  readonly edits: number;
};

export type World = {
  readonly row: Row;
  readonly workers: readonly Worker[];
  readonly families: readonly [Family, Family];
  /** The family that the row belongs to; 0 after a disconnect. */
  readonly current: number;
  /** Refresh tokens of requests that nobody waits for and that the provider may still execute. */
  readonly strays: readonly Token[];
  readonly consent: 'none' | 'awaits confirmation' | 'done';
  readonly consentExpects: number;
  readonly left: Left;
  /** An answer with tokens of the current family was lost and not yet made good. */
  readonly isAnswerLost: boolean;
  /** The loss of the grant would be nobody's fault: death or a lost answer, and the provider gives no second chance. */
  readonly isLossExcused: boolean;
  /** The rule that the last step broke. */
  readonly broken: string | null;
};

export const idle: Worker = {
  phase: 'idle',
  consentNo: 0,
  tokenNo: 0,
  token: 0,
  outcomeUnknown: false,
  isSuspect: false,
  fresh: 0,
};

export const newFamily: Family = {
  next: 2,
  oldest: 1,
  inGrace: false,
  isRevoked: false,
  isEnded: false,
  isPast: false,
  isDisconnected: false,
};

export function createWorld(workers: number, left: Left): World {
  return {
    row: {
      consentNo: 0,
      tokenNo: 0,
      state: 'live',
      token: tokenOf(1, 1),
      attempt: noAttempt,
      isOver: false,
      waits: false,
      outcomeUnknown: false,
      isSuspect: false,
    },
    workers: Array.from({ length: workers }, () => idle),
    families: [newFamily, { ...newFamily, next: 0, oldest: 0 }],
    current: 1,
    strays: [],
    consent: 'none',
    consentExpects: 0,
    left,
    isAnswerLost: false,
    isLossExcused: false,
    broken: null,
  };
}

export function withRow(world: World, change: Partial<Row>): World {
  return { ...world, row: { ...world.row, ...change } };
}

export function withWorker(world: World, index: number, worker: Worker): World {
  const workers = world.workers.slice();
  workers[index] = worker;
  return { ...world, workers };
}

export function withFamily(world: World, family: number, change: Partial<Family>): World {
  const [first, second] = world.families;
  return {
    ...world,
    families: family === 1 ? [{ ...first, ...change }, second] : [first, { ...second, ...change }],
  };
}

/**
 * From here on nothing depends on which of its tokens is which, nor on what the provider remembers of it: fewer worlds to
 * look at.
 */
export function withPast(world: World, family: number): World {
  const former = world.families[family - 1];
  if (former === undefined || former.next === 0) return world;
  const { isDisconnected } = former;
  const done = withFamily(world, family, { ...newFamily, isPast: true, isDisconnected });
  const isTouched = world.workers.some((worker) => isOf(worker.token, family) || isOf(worker.fresh, family));
  if (!isTouched && world.strays.length === 0) return done;
  return {
    ...done,
    workers: world.workers.map((worker) => ({
      ...worker,
      token: pastToken(worker.token, family),
      fresh: pastToken(worker.fresh, family),
    })),
    strays: world.strays.map((token) => pastToken(token, family)),
  };
}

function isOf(token: Token, family: number): boolean {
  return token !== 0 && familyOf(token) === family;
}

function pastToken(token: Token, family: number): Token {
  return isOf(token, family) ? tokenOf(family, 1) : token;
}

export function withLeft(world: World, what: keyof Left): World {
  return { ...world, left: { ...world.left, [what]: world.left[what] - 1 } };
}
