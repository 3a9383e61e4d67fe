// How a grant stands, as a person would say it, and what cures it. One row for each way to stand; the page
// docs/how-refresh-works.md shows the same rows, and a test compares them.
import type { GrantRow } from '../credentials/grant-store.ts';
import type { Verdict } from '../oauth/catalogue/provider-entry.ts';

type Row = {
  /** What it is. */
  readonly text: string;
  readonly cure: string;
  /** Whether somebody has to do something before it works again. */
  readonly needs: 'nobody' | 'person' | 'administrator' | 'operator';
};

const nothing = 'Nothing needs to be done.';
const waits =
  'Nothing needs to be done: Latchkey asks again by itself. If it lasts, look at the provider’s status page.';
const again = 'Connect the account again.';

export const situations = {
  fresh: { text: 'The token is good and is refreshed before it expires.', cure: nothing, needs: 'nobody' },
  fixed_values: {
    text: 'It holds fixed values: nothing of it expires or is refreshed.',
    cure: nothing,
    needs: 'nobody',
  },
  static: {
    text: 'The provider’s token has no expiry: it is not refreshed.',
    cure: nothing,
    needs: 'nobody',
  },
  never_connected: {
    text: 'Nobody has connected an account yet.',
    cure: 'Connect an account.',
    needs: 'person',
  },
  awaiting_confirmation: {
    text: 'An account was connected and awaits confirmation; until then its tokens are not used.',
    cure: 'Confirm the account on the page that shows it, within ten minutes, or connect it again.',
    needs: 'person',
  },
  disconnected: {
    text: 'The account was disconnected and its tokens are deleted.',
    cure: again,
    needs: 'person',
  },
  no_refresh_token: {
    text: 'The provider gave no refresh token: the token works until it expires.',
    cure: 'Connect the account again and ask for offline access (a scope or a parameter of the provider).',
    needs: 'person',
  },
  refused_once: {
    text: 'The provider refused the refresh token once; it is asked once more before the grant is called dead.',
    cure: 'Wait for the second answer, at most two minutes.',
    needs: 'nobody',
  },
  token_revoked: {
    text: 'The provider has ended the grant: the refresh token was refused twice.',
    cure: again,
    needs: 'person',
  },
  lost_rotation: {
    text: 'An answer of the provider was lost after it had replaced the refresh token; the old one is spent.',
    cure: `${again} It happens only where a process or its network died in the middle of a refresh.`,
    needs: 'person',
  },
  client_rejected: {
    text: 'The provider refuses the OAuth app itself (its id, secret or settings). The grant is unharmed and waits.',
    cure: 'Correct the OAuth app here or at the provider; all of its grants go on by themselves. Nobody has to connect again.',
    needs: 'administrator',
  },
  throttled: {
    text: 'The provider limits how often it may be asked.',
    cure: 'Nothing needs to be done: Latchkey waits as long as the provider wants and asks again by itself.',
    needs: 'nobody',
  },
  provider_down: { text: 'The provider cannot be reached or does not serve.', cure: waits, needs: 'nobody' },
  provider_paused: {
    text: 'Requests to this provider are paused, because too many of them failed.',
    cure: waits,
    needs: 'nobody',
  },
  provider_incident: {
    text: 'The provider has refused very many grants at once: it is not asked until an operator has decided what that means.',
    cure: 'An operator looks at "latchkey incidents list", asks the provider, and ends the incident.',
    needs: 'operator',
  },
  unreadable_answer: {
    text: 'The provider’s last answer was lost or cannot be understood: the refresh may have been executed or not.',
    cure: waits,
    needs: 'nobody',
  },
  owner_lost: {
    text: 'The process that was refreshing it is gone: the refresh may have been executed or not.',
    cure: 'Nothing needs to be done: another process takes over.',
    needs: 'nobody',
  },
  refresh_locked: {
    text: 'This installation refreshes nothing now, for instance because it may be a copy of another one that uses the same tokens.',
    cure: 'An operator does what the reason says; for a copy: stop the other installation and confirm the take-over.',
    needs: 'operator',
  },
  overdue: {
    text: 'The refresh is overdue and no process has begun it.',
    cure: 'See that a Latchkey process runs, is ready (/readyz) and keeps up (metric latchkey_refresh_due_oldest_seconds).',
    needs: 'operator',
  },
} as const satisfies Readonly<Record<string, Row>>;

export type Situation = keyof typeof situations;

/** The scheduler looks every second; two minutes late is an alarm (security 6.4). */
const overdueMs = 120_000;

export type SituationInput = {
  readonly grant: GrantRow | null;
  readonly isLocked: boolean;
  readonly isClientBroken: boolean;
  readonly isProviderPaused: boolean;
  readonly isIncident: boolean;
  readonly isOwnerGone: boolean;
  /** What the stored error code means. */
  readonly verdict: Verdict | null;
  readonly now: Date;
};

export function situationOf(input: SituationInput): Situation {
  const { grant } = input;
  if (grant === null) return 'fixed_values';
  switch (grant.state) {
    case 'pending':
      return 'never_connected';
    case 'pending_confirmation':
      return 'awaiting_confirmation';
    case 'disconnected':
    case 'static':
      return grant.state;
    case 'needs_reauth':
      if (grant.lastErrorCode === 'lost_rotation' || grant.lastErrorCode === 'no_refresh_token')
        return grant.lastErrorCode;
      return 'token_revoked';
    default:
      return ofLiving(grant, input);
  }
}

function ofLiving(grant: GrantRow, input: SituationInput): Situation {
  if (grant.refreshDueAt === null && grant.attemptId === null) return 'no_refresh_token';
  if (input.isLocked) return 'refresh_locked';
  if (input.isIncident) return 'provider_incident';
  if (input.isClientBroken) return 'client_rejected';
  if (grant.failCount > 0) return ofFailing(grant, input.verdict);
  if (input.isOwnerGone || grant.outcomeUnknown) return 'owner_lost';
  if (input.isProviderPaused) return 'provider_paused';
  const lateMs = grant.refreshDueAt === null ? 0 : input.now.getTime() - grant.refreshDueAt.getTime();
  return grant.attemptId === null && lateMs > overdueMs ? 'overdue' : 'fresh';
}

function ofFailing(grant: GrantRow, verdict: Verdict | null): Situation {
  switch (verdict) {
    case 'client_rejected':
      return 'client_rejected';
    case 'throttled':
      return 'throttled';
    case 'unknown':
      return 'unreadable_answer';
    case 'revoked':
      if (grant.suspectSince !== null) return 'refused_once';
      return 'provider_down';
    default:
      // Sent and then silence has the code of an unreachable provider; the flag tells them apart.
      return grant.outcomeUnknown ? 'unreadable_answer' : 'provider_down';
  }
}
