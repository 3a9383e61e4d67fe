// When a grant is refreshed next, and why then: the words for the number in its row.
import type { AuthClientRow } from '../credentials/auth-client-store.ts';
import type { GrantRow } from '../credentials/grant-store.ts';
import type { Situation } from './situation.ts';
import type { Surroundings } from './why-store.ts';

export type NextRefresh = {
  /** Null: not by itself, or as soon as what is under way has ended. */
  readonly at: Date | null;
  readonly because: string;
};

export type NextRefreshInput = {
  readonly grant: GrantRow;
  readonly situation: Situation;
  readonly around: Surroundings;
  readonly client: Pick<AuthClientRow, 'leadSeconds' | 'probeAt' | 'refreshMode'> | null;
  readonly maxLeadSeconds: number | null;
  readonly refusal: string | null;
};

export function nextRefresh(input: NextRefreshInput): NextRefresh {
  const { grant, situation, around } = input;
  if (grant.attemptId !== null) {
    return around.isOwnerAlive === true
      ? { at: null, because: 'a refresh is under way now' }
      : {
          at: grant.attemptDeadline,
          because: 'its process is gone; another takes over after the attempt’s deadline',
        };
  }
  if (grant.refreshDueAt === null)
    return { at: null, because: noneBecause[situation] ?? 'nothing could be asked with' };
  const at = latest(grant.refreshDueAt, around.pausedUntil);
  return { at, because: becauseOf(input, grant.refreshDueAt) };
}

const noneBecause: Partial<Readonly<Record<Situation, string>>> = {
  never_connected: 'there is no token yet',
  awaiting_confirmation: 'there is no token in use yet',
  disconnected: 'there is no token any more',
  static: 'the token has no expiry',
  no_refresh_token: 'there is no refresh token to ask with',
  token_revoked: 'the refresh token is dead',
  lost_rotation: 'the refresh token is spent',
};

function becauseOf(input: NextRefreshInput, dueAt: Date): string {
  const { grant, situation, client, around } = input;
  const tries = `${grant.failCount} failed ${grant.failCount === 1 ? 'try' : 'tries'}`;
  switch (situation) {
    case 'refresh_locked':
      return `not while refreshing is locked${input.refusal === null ? '' : `: ${input.refusal}`}`;
    case 'client_rejected':
      return client?.probeAt == null
        ? `the app is refused; it is tried again every ten minutes (${tries})`
        : `the app is refused; one of its grants asks at ${client.probeAt.toISOString()}, and the others follow if it is accepted`;
    case 'provider_incident':
      return 'not before an operator has ended the incident';
    case 'refused_once':
      return 'one more question 30 to 90 s after the refusal';
    case 'throttled':
      return `the provider’s own waiting time (${tries})`;
    case 'unreadable_answer':
      return `not before the attempt’s deadline and ten seconds have passed, since it may be executed that late (${tries})`;
    case 'provider_down':
      return `growing pauses between tries, at most 15 minutes (${tries})`;
    case 'owner_lost':
      return 'taken over from a process that is gone';
    case 'overdue':
      return 'it is due; nobody has begun it';
    default:
      return around.pausedUntil === null
        ? leadOf(input, dueAt)
        : 'requests to this provider are paused until then';
  }
}

const parkedBecause: Readonly<Record<AuthClientRow['refreshMode'], string>> = {
  eager: 'the time that was set for it',
  when_used:
    'nobody has used it for a day, so it is refreshed when somebody does, or then, that its refresh token lives on',
  keep_alive: 'the app’s tokens are refreshed by whoever uses them, or then, that the refresh token lives on',
};

/** The rules stand in oauth/refresh-due.ts; here is what they came to for this token. */
function leadOf({ grant, client, maxLeadSeconds }: NextRefreshInput, dueAt: Date): string {
  if (grant.expiresAt === null) return 'the time that was set for it';
  if (dueAt > grant.expiresAt) return parkedBecause[client?.refreshMode ?? 'eager'];
  const lead = `${span(grant.expiresAt.getTime() - dueAt.getTime())} before the token expires`;
  if (client !== null && client.leadSeconds !== null)
    return `${lead}: the app’s own lead of ${span(client.leadSeconds * 1000)}`;
  if (maxLeadSeconds !== null)
    return `${lead}: this provider refuses earlier than ${span(maxLeadSeconds * 1000)} ahead`;
  return `${lead}, of the ${span(grant.expiresAt.getTime() - (grant.issuedAt ?? dueAt).getTime())} it lives`;
}

function latest(one: Date, other: Date | null): Date {
  return other !== null && other > one ? other : one;
}

/** A length of time in two units at most: `2 h 5 min`, `14 min`, `45 s`. */
export function span(ms: number): string {
  const units = [
    ['d', 86_400],
    ['h', 3_600],
    ['min', 60],
    ['s', 1],
  ] as const;
  let left = Math.round(Math.abs(ms) / 1000);
  const parts: string[] = [];
  for (const [name, seconds] of units) {
    const count = Math.floor(left / seconds);
    left -= count * seconds;
    if (count > 0) parts.push(`${count} ${name}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.length === 0 ? '0 s' : parts.join(' ');
}
