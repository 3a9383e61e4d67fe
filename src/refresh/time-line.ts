// What happened to a credential, oldest first: consents, disconnects, failures in the provider's words, what was done to
// its app, and refreshes, which are counted by day because there are dozens of them.
import { type ObjectEvent, readEventsOf } from '../audit/event-store.ts';
import { type GrantDay, selectGrantDays } from '../credentials/grant-day-store.ts';
import { type ConnectionLogEntry, readConnectionLog } from '../credentials/log-store.ts';
import type { AuthClientId, CredentialId } from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';
import { selectSecretChanges } from './why-store.ts';

export type TimeLineEntry = {
  readonly at: Date;
  /** Stable, for machines: `consent_completed`, `refreshed`, `refresh_failed`, `taken_over`, `client_broken` ... */
  readonly kind: string;
  readonly severity: 'info' | 'warn' | 'error';
  readonly text: string;
};

export type TimeLine = {
  readonly entries: readonly TimeLineEntry[];
  /** Older ones exist and are not shown. */
  readonly isCut: boolean;
};

const maxEntries = 100;
const maxDays = 90;

export async function readTimeLine(
  tx: Tx,
  of: { readonly credentialId: CredentialId; readonly clientId: AuthClientId | null },
): Promise<TimeLine> {
  const { credentialId, clientId } = of;
  const page = { offset: 0, limit: maxEntries };
  const log = await readConnectionLog(tx, { connectionId: null, credentialId }, page);
  const days = await selectGrantDays(tx, credentialId, maxDays);
  const changes = await readEventsOf(
    tx,
    { kind: 'credential', id: credentialId },
    { actions: ['credential.created', 'credential.updated'], limit: maxEntries },
  );
  const entries = [...log.items.map(fromLog), ...days.flatMap(fromDay), ...changes.map(fromEvent)];
  if (clientId !== null) entries.push(...(await clientEntries(tx, clientId)));
  // By time; what happened in one transaction keeps the order of its sources.
  entries.sort((one, other) => one.at.getTime() - other.at.getTime());
  return {
    entries: entries.slice(-maxEntries),
    isCut: log.totalCount > log.items.length || entries.length > maxEntries,
  };
}

async function clientEntries(tx: Tx, clientId: AuthClientId): Promise<readonly TimeLineEntry[]> {
  const events = await readEventsOf(
    tx,
    { kind: 'auth_client', id: clientId },
    { actions: ['auth_client.broken', 'auth_client.mended', 'auth_client.updated'], limit: maxEntries },
  );
  const secrets = await selectSecretChanges(tx, clientId, maxEntries);
  return [
    ...events.map(fromEvent),
    ...secrets.map(({ no, at }) => ({
      at,
      kind: 'client_secret_added',
      severity: 'info' as const,
      text: `The OAuth app got its client secret number ${no}; it is tried first.`,
    })),
  ];
}

function fromLog({ at, code, severity, message }: ConnectionLogEntry): TimeLineEntry {
  return { at, kind: code, severity, text: message };
}

/** Nobody is named: the app may be another unit's, and its people are nobody's business here. */
const eventWords: Readonly<Record<string, Omit<TimeLineEntry, 'at'>>> = {
  'credential.created': { kind: 'created', severity: 'info', text: 'The credential was made.' },
  'credential.updated': { kind: 'updated', severity: 'info', text: 'The credential was edited' },
  'auth_client.broken': {
    kind: 'client_broken',
    severity: 'error',
    text: 'The provider refused the OAuth app: nothing is asked with it but one try every ten minutes.',
  },
  'auth_client.mended': {
    kind: 'client_mended',
    severity: 'info',
    text: 'The OAuth app was accepted again, or changed: what waited for it goes on.',
  },
  'auth_client.updated': { kind: 'client_updated', severity: 'info', text: 'The OAuth app was edited' },
};

/** What the audit trail calls by names of the code; a field of the credential's type has a name of its own. */
const fieldWords: Readonly<Record<string, string>> = {
  label: 'name',
  authClient: 'OAuth app',
  authorizeParams: 'parameters of the consent',
  reportedError: 'error that a component reported',
  redirectSuccess: 'address after a consent',
  redirectFailure: 'address after a failed consent',
};

function fromEvent({ at, action, fields }: ObjectEvent): TimeLineEntry {
  const words = eventWords[action] ?? { kind: action, severity: 'info', text: action };
  if (words.text.endsWith('.')) return { at, ...words };
  const named = fields.map((field) => (Object.hasOwn(fieldWords, field) ? fieldWords[field] : field));
  return { at, ...words, text: `${words.text}${named.length === 0 ? '' : ` (${named.join(', ')})`}.` };
}

function fromDay(day: GrantDay): readonly TimeLineEntry[] {
  const entries: TimeLineEntry[] = [];
  if (day.lastRefreshedAt !== null) {
    entries.push({
      at: day.lastRefreshedAt,
      kind: 'refreshed',
      severity: 'info',
      text: `Refreshed ${times(day.refreshed)} on ${day.day}, here for the last time.`,
    });
  }
  if (day.lastFailedAt !== null) {
    entries.push({
      at: day.lastFailedAt,
      kind: 'failed',
      severity: 'warn',
      text: `${day.failed} failed ${day.failed === 1 ? 'try' : 'tries'} on ${day.day}, the last one here.`,
    });
  }
  if (day.lastTakenOverAt !== null) {
    entries.push({
      at: day.lastTakenOverAt,
      kind: 'taken_over',
      severity: 'warn',
      text: `Taken over ${times(day.takenOver)} on ${day.day} from a process that was gone.`,
    });
  }
  return entries;
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}
