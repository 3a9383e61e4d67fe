import { expect, test } from 'vitest';
import type { Emulator } from '../../providers/emulator.ts';
import type { LedgerRecord } from '../../providers/ledger-record.ts';
import { type CredentialId, newId } from '../../src/kernel/ids.ts';
import type { StoredGrant } from '../credential-kit.ts';
import { type ChaosEvidence, type ChaosGrant, type Ending, judgeChaos } from './chaos-judge.ts';

const startMs = Date.parse('2026-01-01T00:00:00Z');
const at = (ms: number) => new Date(startMs + ms).toISOString();

/** A refresh that was answered within 200 ms, and traded one refresh token for the next. */
function refreshed(seq: number, atMs: number, change: Partial<LedgerRecord> = {}): LedgerRecord {
  return {
    kind: 'refresh',
    grant: 'g',
    agent: 'p0-1',
    seq,
    concurrent: 1,
    executed: true,
    refreshTokenPresented: `r${seq}`,
    refreshTokenIssued: `r${seq + 1}`,
    accessTokenIssued: `a${seq}`,
    receivedAt: at(atMs),
    answeredAt: at(atMs + 200),
    endedAt: at(atMs + 200),
    ...change,
  } as LedgerRecord;
}

/** Two refreshes with the same refresh token, a lifetime apart. */
const repeated = [refreshed(1, 0), refreshed(2, 5_000, { refreshTokenPresented: 'r1' })];

function complaintsOf(
  records: readonly LedgerRecord[],
  evidence: Partial<ChaosEvidence> = {},
  stored = records.at(-1)?.accessTokenIssued ?? null,
): readonly string[] {
  const credentialId = newId<CredentialId>();
  const ledger = { records: () => records, refreshesOf: () => records };
  const emulator = { ledger, isLiveGrant: () => true } as unknown as Emulator;
  const grant: ChaosGrant = { rotation: 'grace', emulator, credentialId, grant: 'g' };
  const row = {
    attempt_id: null,
    state: 'active',
    last_error_code: null,
    expires_at: new Date(Date.now() + 60_000),
  } as unknown as StoredGrant;
  const endings = new Map<CredentialId, Ending>([[credentialId, { row, stored }]]);
  const nothing = { blows: [], stalls: [], fallen: [], crashesMs: [], handed: new Map(), refused: [] };
  return judgeChaos([grant], { ...nothing, endings, ...evidence }).complaints;
}

test('refreshes one after the other are no matter', () => {
  expect(complaintsOf([refreshed(1, 0), refreshed(2, 5_000)])).toEqual([]);
});

test('a repetition without a blow is complained of', () => {
  expect(complaintsOf(repeated)).toEqual(['grace g: request 2 repeats 1, whose answer arrived in peace']);
});

test('a repetition after a blow at the one who had the answer is explained, after one at somebody else it is not', () => {
  const kill = (name: string) => [
    { kind: 'kill', name, fromMs: startMs + 300, toMs: startMs + 300 } as const,
  ];
  expect(complaintsOf(repeated, { blows: kill('p0-1') })).toEqual([]);
  expect(complaintsOf(repeated, { blows: kill('p1-2') })).toHaveLength(1);
});

test('a repetition is explained by a machine that stood still for half of the time, not by less', () => {
  const stall = (ms: number) => [{ name: null, fromMs: startMs, toMs: startMs + ms }];
  expect(complaintsOf(repeated, { stalls: stall(1_200) })).toEqual([]);
  expect(complaintsOf(repeated, { stalls: stall(1_000) })).toHaveLength(1);
});

test('a blow beyond the time for storing explains a repetition only as far as the machine stood still before', () => {
  const fromMs = startMs + 2_500;
  const blows = [{ kind: 'kill', name: 'p0-1', fromMs, toMs: fromMs } as const];
  expect(complaintsOf(repeated, { blows })).toHaveLength(1);
  expect(
    complaintsOf(repeated, { blows, stalls: [{ name: null, fromMs: startMs, toMs: startMs + 500 }] }),
  ).toEqual([]);
});

test('two requests at once are complained of, unless the machine held everybody up', () => {
  const records = [refreshed(1, 5_000), refreshed(2, 5_100, { concurrent: 2 })];
  expect(complaintsOf(records)).toEqual(['grace g: request 2 was one of 2 that were outstanding at once']);
  const stalls = [{ name: null, fromMs: startMs + 2_000, toMs: startMs + 5_000 }];
  expect(complaintsOf(records, { stalls })).toEqual([]);
});

test('the token that was issued last is the one that is kept, unless a blow took it away', () => {
  const records = [refreshed(1, 0), refreshed(2, 5_000)];
  expect(complaintsOf(records, {}, 'a1')).toEqual(['grace g: does not hold the token that was issued last']);
  const blows = [{ kind: 'kill', name: 'p0-1', fromMs: startMs + 5_100, toMs: startMs + 5_100 } as const];
  expect(complaintsOf(records, { blows }, 'a1')).toEqual([]);
  expect(complaintsOf([...records, refreshed(3, 9_000, { agent: 'p1-1' })], { blows }, 'a1')).toHaveLength(1);
});
