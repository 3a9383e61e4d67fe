// What people do meanwhile: disconnect, connect again, edit a client secret, set tokens by hand, end it at the provider.
import { brokenByStoring, type Variant } from './attempt-steps.ts';
import type { Step } from './explore.ts';
import { mishap } from './outside-steps.ts';
import type { Rules } from './rules.ts';
import {
  type Family,
  newFamily,
  noAttempt,
  type Row,
  tokenOf,
  type World,
  withFamily,
  withLeft,
  withPast,
  withRow,
} from './world.ts';

const secondFamily = 2;

export function peopleSteps({ rules }: Variant, world: World): Step<World>[] {
  const { row, left, consent, families, current } = world;
  const steps: Step<World>[] = [];
  if (left.disconnects > 0 && row.state !== 'disconnected') {
    steps.push(mishap('somebody disconnects', disconnect(withLeft(world, 'disconnects'), rules)));
  }
  if (consent === 'none') {
    steps.push(mishap('somebody consents anew; the tokens await confirmation', consentAnew(world, rules)));
  }
  if (consent === 'awaits confirmation') {
    steps.push(mishap('the new consent is confirmed', confirm(world, rules)));
  }
  if (left.edits > 0) steps.push(...editSteps(world, rules));
  const family = families[current - 1];
  if (left.troubles > 0 && family !== undefined && !family.isRevoked) {
    const ended = withFamily(withLeft(world, 'troubles'), current, { isRevoked: true, isEnded: true });
    steps.push(mishap('the consent is ended at the provider', ended));
  }
  return steps;
}

const untouched: Partial<Row> = { waits: false, outcomeUnknown: false, isSuspect: false };
const freed: Partial<Row> = { ...untouched, attempt: noAttempt, isOver: false };

function replaced(rules: Rules): Partial<Row> {
  return rules.changesEndAttempts ? freed : untouched;
}

function disconnect(world: World, rules: Rules): World {
  const { row } = world;
  const [first, second] = world.families;
  const done: World = {
    ...withRow(world, {
      ...replaced(rules),
      consentNo: rules.disconnectCounts ? row.consentNo + 1 : row.consentNo,
      state: 'disconnected',
      token: 0,
    }),
    families: [disconnected(first), disconnected(second)],
    current: 0,
    isAnswerLost: false,
    isLossExcused: false,
  };
  return withPast(done, world.current);
}

function disconnected(family: Family): Family {
  return family.next === 0 ? family : { ...family, isDisconnected: true };
}

function consentAnew(world: World, rules: Rules): World {
  const { row } = world;
  const given: World = {
    ...withFamily(world, secondFamily, newFamily),
    consent: 'awaits confirmation',
    consentExpects: row.consentNo,
  };
  if (rules.unconfirmedIsKeptApart || row.token !== 0) return given;
  const unconfirmed = { state: 'pending_confirmation', token: tokenOf(secondFamily, 1) } as const;
  return { ...withRow(given, { ...unconfirmed, tokenNo: row.tokenNo + 1 }), current: secondFamily };
}

function confirm(world: World, rules: Rules): World {
  const { row } = world;
  const done = { ...world, consent: 'done', consentExpects: 0 } as const;
  if (rules.consentCompares && row.consentNo !== world.consentExpects) {
    return withPast(done, secondFamily);
  }
  const token = tokenOf(secondFamily, 1);
  const stored = withRow(done, {
    ...replaced(rules),
    consentNo: row.consentNo + 1,
    tokenNo: row.tokenNo + 1,
    state: 'live',
    token,
  });
  const isAgain = world.current === secondFamily;
  const broken = isAgain && row.token !== token ? brokenByStoring(world, token) : null;
  const moved: World = {
    ...stored,
    current: secondFamily,
    isAnswerLost: false,
    isLossExcused: false,
    broken,
  };
  return isAgain ? moved : withPast(moved, 1);
}

/** A secret's edit leaves the grant's row as it is, so it leads nowhere new. */
function editSteps(world: World, rules: Rules): Step<World>[] {
  const { row } = world;
  const edited = withLeft(world, 'edits');
  const steps: Step<World>[] = [];
  if (rules.secretEdit === 'counts') {
    steps.push(mishap('somebody edits the client secret', withRow(edited, { consentNo: row.consentNo + 1 })));
  }
  if (rules.secretEdit === 'hastens all') {
    steps.push(mishap('somebody edits the client secret', withRow(edited, { waits: false })));
  }
  const maySpend = row.attempt !== noAttempt || row.outcomeUnknown;
  if (row.token === 0 || (maySpend && rules.keptTokenWaits)) return steps;
  const counted = { consentNo: row.consentNo + 1, tokenNo: row.tokenNo + 1 };
  const kept = withRow(edited, { ...replaced(rules), ...counted, state: 'live' });
  steps.push(mishap('somebody sets an access token by hand, the refresh token stays', kept));
  return steps;
}
