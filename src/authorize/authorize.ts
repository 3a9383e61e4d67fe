// The human half of OAuth as faces see it: pages' data, the steps of a consent, invitations, and the jobs behind them.
import type { ConnectionId, CredentialId, TenantId } from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';
import type { JobHandler } from '../storage/job-handler.ts';
import type { AuthorizeDeps } from './authorize-deps.ts';
import { type BeginOptions, type BegunConsent, beginConsent } from './begin.ts';
import { type BrowserCookie, browserCookie } from './browser-binding.ts';
import { type CallbackInput, completeConsent } from './complete.ts';
import { type ConfirmOptions, confirmConsent, viewConsent } from './confirm.ts';
import type { ConsentView } from './consent-view.ts';
import { createExpire, expireJob } from './expire.ts';
import { startUrl } from './invitation-link.ts';
import {
  type Invitation,
  type InviteOptions,
  inviteByMail,
  inviteWithin,
  listInvitations,
  revokeInvitation,
} from './invite.ts';
import { recordKey } from './link-key.ts';
import { createNotifyRequester, notifyJob } from './notify-requester.ts';
import { createSendInvitation, sendInvitationJob } from './send-invitation.ts';
import { invitationPage, type StartPage, startPage } from './start-page.ts';

type Rest<F> = F extends (deps: AuthorizeDeps, options: infer O) => infer R ? (options: O) => R : never;

export type Authorize = {
  /** Name and attributes of the cookie that binds a consent to its browser. */
  readonly cookie: BrowserCookie;
  /** What APIs give out as the address to connect at: reading it mints nothing and carries no right. */
  readonly startUrlOf: (tenant: TenantId, id: CredentialId | ConnectionId) => string;
  readonly startPage: Rest<typeof startPage>;
  readonly invitationPage: (token: string) => Promise<StartPage>;
  readonly begin: (options: BeginOptions) => Promise<BegunConsent>;
  readonly completeCallback: (input: CallbackInput) => Promise<ConsentView>;
  readonly view: Rest<typeof viewConsent>;
  readonly confirm: (options: ConfirmOptions) => Promise<ConsentView>;
  readonly invite: (options: InviteOptions) => Promise<Invitation>;
  readonly inviteWithin: (tx: Tx, options: InviteOptions) => Promise<Invitation>;
  readonly revokeInvitation: Rest<typeof revokeInvitation>;
  readonly listInvitations: Rest<typeof listInvitations>;
  readonly jobHandlers: Readonly<Record<string, JobHandler>>;
};

export function createAuthorize(deps: AuthorizeDeps): Authorize {
  return {
    cookie: browserCookie(deps.publicUrl),
    startUrlOf: (tenant, id) => startUrl(deps.publicUrl, recordKey(tenant, id)),
    startPage: (options) => startPage(deps, options),
    invitationPage: (token) => invitationPage(deps, token),
    begin: (options) => beginConsent(deps, options),
    completeCallback: (input) => completeConsent(deps, input),
    view: (options) => viewConsent(deps, options),
    confirm: (options) => confirmConsent(deps, options),
    invite: (options) => inviteByMail(deps, options),
    inviteWithin: (tx, options) => inviteWithin(deps, tx, options),
    revokeInvitation: (options) => revokeInvitation(deps, options),
    listInvitations: (options) => listInvitations(deps, options),
    jobHandlers: {
      [expireJob]: createExpire(deps),
      [sendInvitationJob]: createSendInvitation(deps),
      [notifyJob]: createNotifyRequester(deps),
    },
  };
}
