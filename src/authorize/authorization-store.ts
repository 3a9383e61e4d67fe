// SQL of authorizations: one running consent each. Every change of status names the status that it expects, so that of
// many parallel requests one wins.
//
//   started --callback--> exchanging --tokens--> exchanged --accepted--> completed
//      |  refused, expired     |  refused, lost      |  cancelled, expired, superseded
//      +-----------------------+---------------------+--> failed, cancelled
import { sql } from 'kysely';
import type { RegistrationId } from '../credentials/registration.ts';
import type { AuthClientId, ConnectionId, CredentialId, Id, PrincipalId, TenantId } from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';
import type { Sealed } from '../vault/sealed.ts';
import type { InvitationId } from './invitation-store.ts';
import type { Snapshot } from './snapshot.ts';

export type AuthorizationId = Id<'Authorization'>;
export type AuthorizationPolicy = 'session' | 'invitation' | 'headless';
export type AuthorizationStatus =
  | 'started'
  | 'exchanging'
  | 'exchanged'
  | 'completed'
  | 'failed'
  | 'cancelled';

export type AuthorizationRow = {
  readonly tenantId: TenantId;
  readonly id: AuthorizationId;
  readonly browserHash: Buffer;
  readonly credentialId: CredentialId;
  readonly connectionId: ConnectionId | null;
  readonly registrationId: RegistrationId;
  readonly authClientTenantId: TenantId;
  readonly authClientId: AuthClientId;
  readonly principalId: PrincipalId | null;
  readonly invitationId: InvitationId | null;
  readonly policy: AuthorizationPolicy;
  readonly redirectUri: string;
  readonly requestedScope: string | null;
  readonly verifierSealed: Sealed | null;
  readonly expectedConsentNo: number;
  readonly snapshot: Snapshot;
  readonly status: AuthorizationStatus;
  readonly resultSealed: Sealed | null;
  readonly accountRef: Buffer | null;
  readonly accountLabel: string | null;
  readonly accountChanged: boolean;
  readonly errorCode: string | null;
  readonly errorText: string | null;
  readonly expiresAt: Date;
};

const columns = sql`
  a.tenant_id as "tenantId", a.id, a.browser_hash as "browserHash", a.credential_id as "credentialId",
  a.connection_id as "connectionId", a.registration_id as "registrationId",
  a.auth_client_tenant_id as "authClientTenantId", a.auth_client_id as "authClientId", a.principal_id as "principalId",
  a.invitation_id as "invitationId", a.policy, a.redirect_uri as "redirectUri", a.requested_scope as "requestedScope",
  a.verifier_sealed as "verifierSealed", a.expected_consent_no as "expectedConsentNo", a.snapshot, a.status,
  a.result_sealed as "resultSealed", a.account_ref as "accountRef", a.account_label as "accountLabel",
  a.account_changed as "accountChanged", a.error_code as "errorCode", a.error_text as "errorText",
  a.expires_at as "expiresAt"`;

export type NewAuthorization = Pick<
  AuthorizationRow,
  | 'tenantId'
  | 'id'
  | 'browserHash'
  | 'credentialId'
  | 'connectionId'
  | 'registrationId'
  | 'authClientTenantId'
  | 'authClientId'
  | 'principalId'
  | 'invitationId'
  | 'policy'
  | 'redirectUri'
  | 'requestedScope'
  | 'verifierSealed'
  | 'expectedConsentNo'
  | 'snapshot'
  | 'expiresAt'
> & { readonly stateHash: Buffer };

export async function insertAuthorization(tx: Tx, row: NewAuthorization): Promise<void> {
  await sql`
    insert into oauth_authorization (tenant_id, id, state_hash, browser_hash, credential_id, connection_id, registration_id,
      auth_client_tenant_id, auth_client_id, principal_id, invitation_id, policy, redirect_uri, requested_scope,
      verifier_sealed, expected_consent_no, snapshot, status, expires_at)
    values (${row.tenantId}, ${row.id}, ${row.stateHash}, ${row.browserHash}, ${row.credentialId}, ${row.connectionId},
      ${row.registrationId}, ${row.authClientTenantId}, ${row.authClientId}, ${row.principalId}, ${row.invitationId},
      ${row.policy}, ${row.redirectUri}, ${row.requestedScope}, ${row.verifierSealed}, ${row.expectedConsentNo},
      ${JSON.stringify(row.snapshot)}::jsonb, 'started', ${row.expiresAt})`.execute(tx);
}

export async function selectAuthorizationByState(
  tx: Tx,
  stateHash: Buffer,
): Promise<AuthorizationRow | null> {
  const found = await sql<AuthorizationRow>`
    select ${columns} from oauth_authorization a
    where a.tenant_id = latchkey_tenant() and a.state_hash = ${stateHash}`.execute(tx);
  return found.rows[0] ?? null;
}

export async function selectAuthorization(tx: Tx, id: AuthorizationId): Promise<AuthorizationRow | null> {
  const found = await sql<AuthorizationRow>`
    select ${columns} from oauth_authorization a where a.tenant_id = latchkey_tenant() and a.id = ${id}`.execute(
    tx,
  );
  return found.rows[0] ?? null;
}

export async function lockAuthorization(tx: Tx, id: AuthorizationId): Promise<AuthorizationRow | null> {
  const found = await sql<AuthorizationRow>`
    select ${columns} from oauth_authorization a
    where a.tenant_id = latchkey_tenant() and a.id = ${id} for update`.execute(tx);
  return found.rows[0] ?? null;
}

/** Uses the state up. False for every callback but the first, and for one that comes too late. */
export async function claimForExchange(
  tx: Tx,
  id: AuthorizationId,
  times: { readonly now: Date; readonly expiresAt: Date },
): Promise<boolean> {
  const changed = await sql`
    update oauth_authorization set status = 'exchanging', verifier_sealed = null, expires_at = ${times.expiresAt},
      updated_at = clock_timestamp()
    where tenant_id = latchkey_tenant() and id = ${id} and status = 'started' and expires_at > ${times.now}`.execute(
    tx,
  );
  return changed.numAffectedRows === 1n;
}

/** The tokens wait here until the account is confirmed. False when the authorization has ended or gone meanwhile. */
export async function keepResult(
  tx: Tx,
  id: AuthorizationId,
  result: {
    readonly sealed: Sealed;
    readonly accountRef: Buffer | null;
    readonly accountLabel: string | null;
    readonly accountChanged: boolean;
    readonly expiresAt: Date;
  },
): Promise<boolean> {
  const changed = await sql`
    update oauth_authorization set status = 'exchanged', result_sealed = ${result.sealed}, account_ref = ${result.accountRef},
      account_label = ${result.accountLabel}, account_changed = ${result.accountChanged}, expires_at = ${result.expiresAt},
      updated_at = clock_timestamp()
    where tenant_id = latchkey_tenant() and id = ${id} and status = 'exchanging'`.execute(tx);
  return changed.numAffectedRows === 1n;
}

/** Ends it, whichever way; nothing secret stays. False when it has ended before. */
export async function endAuthorization(
  tx: Tx,
  id: AuthorizationId,
  end:
    | { readonly status: 'completed'; readonly confirmedAt: Date }
    | { readonly status: 'failed' | 'cancelled'; readonly errorCode: string; readonly errorText: string },
): Promise<boolean> {
  const [confirmedAt, errorCode, errorText] =
    end.status === 'completed' ? [end.confirmedAt, null, null] : [null, end.errorCode, end.errorText];
  const changed = await sql`
    update oauth_authorization set status = ${end.status}, result_sealed = null, verifier_sealed = null,
      confirmed_at = ${confirmedAt}, error_code = ${errorCode}, error_text = ${errorText}, updated_at = clock_timestamp()
    where tenant_id = latchkey_tenant() and id = ${id} and status in ('started', 'exchanging', 'exchanged')`.execute(
    tx,
  );
  return changed.numAffectedRows === 1n;
}

/** Consents of an invitation that nobody has brought to the provider's answer yet. */
export async function selectStartedOfInvitation(
  tx: Tx,
  invitationId: InvitationId,
): Promise<readonly AuthorizationId[]> {
  const found = await sql<{ id: AuthorizationId }>`
    select id from oauth_authorization
    where tenant_id = latchkey_tenant() and invitation_id = ${invitationId} and status = 'started'`.execute(
    tx,
  );
  return found.rows.map((row) => row.id);
}

/** Tokens of this credential that wait for somebody's confirmation. */
export async function countAwaiting(tx: Tx, credentialId: CredentialId): Promise<number> {
  const found = await sql<{ total: number }>`
    select count(*) as total from oauth_authorization
    where tenant_id = latchkey_tenant() and credential_id = ${credentialId} and status = 'exchanged'`.execute(
    tx,
  );
  return found.rows[0]?.total ?? 0;
}
