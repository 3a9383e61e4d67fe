import { expect, test } from 'vitest';
import {
  type ClusterFacts,
  identityOf,
  judgeIdentity,
  type Known,
  parseIdentity,
  type Standing,
  serializeIdentity,
} from './identity.ts';

const here: Standing = {
  system: '7',
  timeline: 1,
  database: '16384',
  relation: '16500',
  location: 'db:5432/latchkey',
};
const remembering = (change: Partial<Standing> = {}) => serializeIdentity(identityOf({ ...here, ...change }));
const now = 1_000_000_000_000;
const minute = 60_000;

function judge(
  change: {
    readonly here?: Partial<Standing>;
    readonly cluster?: Partial<ClusterFacts>;
    readonly known?: Partial<Known> | null;
    readonly hasWitness?: boolean;
  } = {},
): string {
  const verdict = judgeIdentity({
    here: { ...here, ...change.here },
    cluster: {
      identity: remembering(),
      takeoverNo: 1,
      doubt: null,
      ownBeatMs: now - 3_000,
      nowMs: now,
      ...change.cluster,
    },
    known: change.known ? { standing: here, takeoverNo: 1, beatMs: now - 3_000, ...change.known } : null,
    hasWitness: change.hasWitness ?? false,
  });
  return verdict.kind === 'unconfirmed' ? verdict.why : verdict.kind;
}

test('a start on what is remembered goes on; each part that differs holds it', () => {
  expect(judge()).toBe('confirmed');
  expect(judge({ here: { system: '8' } })).toBe('server');
  expect(judge({ here: { database: '16385' } })).toBe('database');
  expect(judge({ here: { relation: '16501' } })).toBe('database');
  expect(judge({ here: { timeline: 2 } })).toBe('timeline');
  expect(judge({ here: { location: 'staging:5432/latchkey' } })).toBe('location');
});

test('only a first start is remembered without a question', () => {
  expect(judge({ cluster: { identity: null } })).toBe('remember');
  expect(judge({ cluster: { identity: '{' } })).toBe('unreadable');
  expect(judge({ cluster: { identity: '{"system":7}' } })).toBe('unreadable');
});

test('a part that one side does not know decides nothing, and is remembered once it is seen', () => {
  expect(judge({ here: { system: null, timeline: null } })).toBe('confirmed');
  expect(judge({ cluster: { identity: remembering({ system: null }) } })).toBe('remember');
  expect(judge({ here: { system: null, database: '2' } })).toBe('database');
});

test('a promotion is vouched for by a process that was there before it, and by nobody else', () => {
  const promoted = { here: { timeline: 2 } };
  expect(judge({ ...promoted, known: {} })).toBe('remember');
  expect(judge({ ...promoted, hasWitness: true })).toBe('timeline');
  // It stood on another database, on another timeline than the remembered one, or under another take-over.
  expect(judge({ ...promoted, known: { standing: { ...here, system: '8' } } })).toBe('timeline');
  expect(judge({ ...promoted, known: { standing: { ...here, timeline: 3 } } })).toBe('timeline');
  expect(judge({ ...promoted, known: {}, cluster: { takeoverNo: 2 } })).toBe('timeline');
});

test('nobody vouches for another server or another database, whatever was known before', () => {
  expect(judge({ here: { system: '8' }, known: {}, hasWitness: true })).toBe('server');
  expect(judge({ here: { database: '9' }, known: {}, hasWitness: true })).toBe('database');
});

test('a database that lacks more than a standby’s lag of our own heartbeats has gone back', () => {
  const known = { beatMs: now - 3_000 };
  expect(judge({ known, cluster: { ownBeatMs: now - 40_000 } })).toBe('confirmed');
  expect(judge({ known, cluster: { ownBeatMs: now - 10 * minute } })).toBe('went_back');
  // Our own goodbye.
  expect(judge({ known, cluster: { ownBeatMs: Number.NEGATIVE_INFINITY } })).toBe('confirmed');
  expect(judge({ known, cluster: { ownBeatMs: null } })).toBe('went_back');
  expect(judge({ known, cluster: { takeoverNo: 0 } })).toBe('went_back');
  // Forgotten after a day of sleep, as every silent process is.
  expect(judge({ known: { beatMs: now - 25 * 60 * minute }, cluster: { ownBeatMs: null } })).toBe(
    'confirmed',
  );
  // A process that starts has no memory; the row has.
  expect(judge({ cluster: { doubt: 'went_back' } })).toBe('went_back');
});

test('a take-over seen by a running process is its new number, not a reason to stop', () => {
  expect(judge({ known: {}, cluster: { takeoverNo: 2 } })).toBe('confirmed');
});

test('another name needs a witness, and only the last few are remembered', () => {
  const other = { here: { location: '10.0.0.7:5432/latchkey' } };
  expect(judge({ ...other, hasWitness: true })).toBe('remember');
  let identity = identityOf(here);
  for (let index = 0; index < 20; index += 1) {
    const verdict = judgeIdentity({
      here: { ...here, location: `alias-${index}` },
      cluster: {
        identity: serializeIdentity(identity),
        takeoverNo: 1,
        doubt: null,
        ownBeatMs: now,
        nowMs: now,
      },
      known: null,
      hasWitness: true,
    });
    if (verdict.kind === 'remember') identity = verdict.identity;
  }
  expect(identity.locations).toHaveLength(8);
  expect(identity.locations.at(-1)).toBe('alias-19');
  expect(parseIdentity(serializeIdentity(identity))).toEqual(identity);
});
