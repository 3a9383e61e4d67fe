// The judge of a chaos run. It knows the providers' ledgers, the rows at the end, what readers were handed, and which blows
// fell when; nothing that the processes say about themselves.
import type { Emulator } from '../../providers/emulator.ts';
import type { LedgerRecord } from '../../providers/ledger-record.ts';
import type { CredentialId } from '../../src/kernel/ids.ts';
import type { StoredGrant } from '../credential-kit.ts';
import type { Rotation } from '../fault-table.ts';
import type { Blow } from './chaos-crew.ts';
import { takeOverMs } from './chaos-plan.ts';
import { type Stall, stalledMs } from './machine-stalls.ts';

export type ChaosGrant = {
  readonly rotation: Rotation;
  readonly emulator: Emulator;
  readonly credentialId: CredentialId;
  /** Its name in the ledger. */
  readonly grant: string;
};

export type Ending = {
  readonly row: StoredGrant;
  /** Fingerprint of the stored access token; null when there is none. */
  readonly stored: string | null;
};

export type ChaosEvidence = {
  readonly blows: readonly Blow[];
  readonly stalls: readonly Stall[];
  /** Processes that ended by themselves. */
  readonly fallen: readonly string[];
  readonly crashesMs: readonly number[];
  readonly handed: ReadonlyMap<CredentialId, ReadonlySet<string>>;
  readonly refused: readonly { readonly credentialId: CredentialId; readonly code: string }[];
  readonly endings: ReadonlyMap<CredentialId, Ending>;
};

export type ChaosVerdict = {
  readonly complaints: readonly string[];
  readonly lost: Readonly<Record<Rotation, number>>;
  /** Requests that repeated a request whose answer a blow had taken away. */
  readonly repeated: number;
  readonly requests: number;
};

/** An answer that has arrived is committed within this time, or within the second one when the database crashed. */
const commitMs = 2_000;
const commitAfterCrashMs = 6_000;

export function judgeChaos(grants: readonly ChaosGrant[], evidence: ChaosEvidence): ChaosVerdict {
  const complaints: string[] = evidence.fallen.map((name) => `${name} ended by itself`);
  const lost = { none: 0, grace: 0, strict: 0 };
  let repeated = 0;
  let requests = 0;
  for (const one of grants) {
    const records = one.emulator.ledger.refreshesOf(one.grant);
    const say = (text: string) => void complaints.push(`${one.rotation} ${one.grant}: ${text}`);
    requests += records.length;
    for (const [index, record] of records.entries()) {
      if (record.concurrent > 1 && !wasLeftBehind(record, evidence)) {
        say(`request ${record.seq} was one of ${record.concurrent} that were outstanding at once`);
      }
      const before = records.slice(0, index).findLast((earlier) => earlier.executed);
      if (before === undefined || !isRepeat(record, before)) continue;
      repeated += 1;
      if (!wasTakenAway(before, evidence)) {
        say(`request ${record.seq} repeats ${before.seq}, whose answer arrived in peace`);
      }
    }
    const isOver = one.emulator.isLiveGrant(one.grant) === false;
    if (isOver) lost[one.rotation] += 1;
    judgeEnding(one, isOver, evidence, say);
    judgeReaders(one, isOver, evidence, say);
  }
  return { complaints, lost, repeated, requests };
}

/** The same refresh token again; without rotation: again although the token of the last request is young. */
function isRepeat(record: LedgerRecord, before: LedgerRecord): boolean {
  if (before.refreshTokenIssued !== null)
    return record.refreshTokenPresented === before.refreshTokenPresented;
  return Date.parse(record.receivedAt) - Date.parse(before.receivedAt) < youngMs;
}

/** Well below 45 % of a life of 10 s, where the earliest refresh is due. */
const youngMs = 4_000;

/**
 * The answer never left, or its receiver was killed or stopped before it can have been stored, by us or by a machine that held it
 * up for half of the time.
 */
function wasTakenAway(record: LedgerRecord, { blows, stalls, crashesMs }: ChaosEvidence): boolean {
  if (record.answeredAt === null) return true;
  const name = record.agent;
  const fromMs = Date.parse(record.receivedAt);
  const untilMs = Date.parse(record.endedAt ?? record.receivedAt);
  const hasCrashed = crashesMs.some((ms) => ms > fromMs - commitMs && ms < untilMs + commitMs);
  const storedMs = untilMs + (hasCrashed ? commitAfterCrashMs : commitMs);
  const heldUpMs = stalledMs(stalls, { name, fromMs, toMs: storedMs });
  if (heldUpMs > (storedMs - fromMs) / 2) return true;
  return blows.some(
    ({ name: hit, fromMs: from, toMs }) => hit === name && from < storedMs + heldUpMs && toMs >= fromMs,
  );
}

/** The machine held everybody up, the provider as well, for half of the time after which another process may ask: this one did. */
function wasLeftBehind(record: LedgerRecord, { stalls }: ChaosEvidence): boolean {
  const toMs = Date.parse(record.receivedAt);
  return stalledMs(stalls, { name: null, fromMs: toMs - takeOverMs, toMs }) > takeOverMs / 2;
}

function judgeEnding(
  one: ChaosGrant,
  isOver: boolean,
  evidence: ChaosEvidence,
  say: (text: string) => void,
): void {
  const ending = evidence.endings.get(one.credentialId);
  if (ending === undefined) throw new Error('nobody has looked at its end');
  const { row, stored } = ending;
  if (row.attempt_id !== null) say('is armed although everything is quiet');
  if (isOver) {
    if (one.rotation !== 'strict') say('is lost');
    // The grant died when a spent token was presented; that this had a reason is what repeats are judged by. When the answer
    // that was held for lost is stored all the same, by a process that woke up, the grant dies at the next refresh, of a
    // token that nobody had spent: then nothing tells it from a revocation.
    const names = diedOfUnspentToken(one) ? ['lost_rotation', 'invalid_grant'] : ['lost_rotation'];
    if (row.state !== 'needs_reauth' || !names.includes(row.last_error_code ?? '')) {
      say(`is lost, and called ${row.state} ${row.last_error_code}`);
    }
    return;
  }
  if (row.state !== 'active') say(`lives at the provider, and is called ${row.state} ${row.last_error_code}`);
  if ((row.expires_at?.getTime() ?? 0) <= Date.now()) say('has no living token');
  if (!latestOf(one, evidence).includes(stored)) say('does not hold the token that was issued last');
}

/** The last access token, and those before it as long as the answers with the later ones were taken away. */
function latestOf({ emulator, grant }: ChaosGrant, evidence: ChaosEvidence): readonly (string | null)[] {
  const issuing = emulator.ledger
    .records()
    .filter((record) => record.grant === grant && record.accessTokenIssued !== null);
  const arrived = issuing.findLastIndex((record) => !wasTakenAway(record, evidence));
  return issuing.slice(Math.max(arrived, 0)).map((record) => record.accessTokenIssued);
}

function diedOfUnspentToken({ emulator, grant }: ChaosGrant): boolean {
  const records = emulator.ledger.refreshesOf(grant);
  const last = records.at(-1);
  return !records.some(
    (record) => record.executed && record.refreshTokenPresented === last?.refreshTokenPresented,
  );
}

function judgeReaders(
  one: ChaosGrant,
  isOver: boolean,
  { handed, refused }: ChaosEvidence,
  say: (text: string) => void,
): void {
  const records = one.emulator.ledger.records().filter((record) => record.grant === one.grant);
  const issued = new Set(records.map((record) => record.accessTokenIssued));
  for (const print of handed.get(one.credentialId) ?? []) {
    if (!issued.has(print)) say('a reader got a token that was not issued for it');
  }
  const codes = new Set(refused.filter((no) => no.credentialId === one.credentialId).map((no) => no.code));
  codes.delete('unavailable');
  if (isOver) codes.delete('needs_authorization');
  if (codes.size > 0) say(`readers were told ${[...codes].join(', ')}`);
}
