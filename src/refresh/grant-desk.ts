// What refreshing asks of the place where grants are kept. A port, so that the same decisions run on PostgreSQL and, on a
// simulated clock, on a store in memory; both pass `grant-desk.contract.ts`.
import type { AuthClientRow } from '../credentials/auth-client-store.ts';
import type { DueGrant, Lane } from '../credentials/claim-store.ts';
import type { StoredTokens, TokenTiming } from '../credentials/grant.ts';
import type { GrantRow } from '../credentials/grant-store.ts';
import type { KeptRefresh } from '../credentials/kept-refresh.ts';
import type { Registration } from '../credentials/registration.ts';
import type { CredentialId, TenantId } from '../kernel/ids.ts';
import type { Plain } from '../kernel/plain.ts';
import type { FailureDecision } from './failure-rule.ts';

export type Target = { readonly tenant: TenantId; readonly credentialId: CredentialId };

/** Armed and committed: may be sent. */
export type Armed = Target & {
  readonly attemptId: string;
  readonly providerKey: string;
  /** Monotonic, from before the arming. */
  readonly armedAtMs: number;
};

export type ClientFacts = Pick<
  AuthClientRow,
  'tenantId' | 'id' | 'tokenExpiresInSeconds' | 'leadSeconds' | 'refreshMode' | 'brokenSince' | 'brokenReason'
>;

/** Everything that one token request and what follows from it need. */
export type Prepared = {
  /** As it was armed. */
  readonly grant: GrantRow;
  readonly tokens: StoredTokens;
  readonly registration: Registration;
  readonly client: ClientFacts | null;
  /** Of the client, newest first. */
  readonly secrets: readonly Plain[];
  /** Makes an answer ready to be kept, without asking anybody. */
  readonly keep: (tokens: StoredTokens, timing: TokenTiming) => KeptRefresh;
};

export type GrantDesk = {
  /** The most urgent that is due and free, earliest first. */
  readonly dueGrants: (limit: number) => Promise<readonly DueGrant[]>;
  /** Some of each of the next lanes; see `selectDueByLane`. */
  readonly dueByLane: (
    from: Lane,
    limits: { readonly lanes: number; readonly perLane: number },
  ) => Promise<{ readonly due: readonly DueGrant[]; readonly last: Lane | null }>;
  /** Arms those that are still due and free. */
  readonly armDue: (chosen: readonly DueGrant[]) => Promise<readonly Armed[]>;
  /** Arms one for a reader, if it still is as it was `seen`. */
  readonly armOne: (target: Target, seen: Pick<GrantRow, 'consentNo' | 'tokenNo'>) => Promise<Armed | null>;
  /** Whose rates and breaker apply; null when the grant has no provider. */
  readonly providerKeyOf: (target: Target) => Promise<string | null>;
  /** Null when the arming no longer stands. */
  readonly prepare: (armed: Armed) => Promise<Prepared | null>;
  /** False when the client's breaker is open and it is not our turn to ask. */
  readonly mayUseClient: (armed: Armed, client: ClientFacts) => Promise<boolean>;
  /** False when something else was first. */
  readonly commit: (kept: KeptRefresh) => Promise<boolean>;
  /** For an answer of a process that is gone: 'busy' while somebody else is asking for this grant. */
  readonly replay: (kept: KeptRefresh) => Promise<'committed' | 'superseded' | 'busy'>;
  /** The grant is well again: says so, and mends its client. */
  readonly noteRecovery: (prepared: Pick<Prepared, 'grant' | 'client'>) => Promise<void>;
  /** An answer that came too late: gives it back to the provider, unless it is the one that the grant holds. */
  readonly giveBack: (kept: KeptRefresh) => Promise<void>;
  /** Writes down how an attempt failed. False when it no longer stands. */
  readonly fail: (
    armed: Armed,
    prepared: Pick<Prepared, 'grant' | 'client'>,
    decision: FailureDecision,
  ) => Promise<boolean>;
  /** Gives an attempt back of which nothing was sent. */
  readonly release: (armed: Armed, retryAfterMs: number) => Promise<void>;
  /** Takes over what nobody works on; `held` are attempts whose answer this process still offers to the database. */
  readonly recover: (held: readonly string[]) => Promise<number>;
};
