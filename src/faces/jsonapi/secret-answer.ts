// A secret as this dialect shows it. The hot path of a token read ends here: one object, one JSON.stringify.
import type { UnitId } from '../../kernel/ids.ts';
import type { GrantReading, Reading } from '../../refresh/reading.ts';
import { kindOfReading, typeOfReading } from './secret-kinds.ts';

export type SecretView = {
  readonly workspaceId: UnitId;
  /** Without it the credentials are left out altogether. */
  readonly showsCredentials: boolean;
  readonly now: Date;
};

export function secretAnswer(reading: Reading, view: SecretView): Readonly<Record<string, unknown>> {
  const { workspaceId, showsCredentials } = view;
  const workspaceLink = `/v2/workspaces/${workspaceId}`;
  const health = healthOf(reading, view.now);
  return {
    id: reading.credentialId,
    type: 'auth-secret',
    links: { self: `${workspaceLink}/secrets/${reading.credentialId}` },
    attributes: {
      name: reading.label,
      state: health.state,
      ...(health.error === null ? {} : { error: health.error }),
      type: typeOfReading(reading),
      ...(showsCredentials ? { credentials: kindOfReading(reading).show(reading) } : {}),
    },
    relationships: {
      workspace: { data: { id: workspaceId, type: 'workspace' }, links: { self: workspaceLink } },
      ...(reading.createdBy === null
        ? {}
        : {
            user: {
              data: { id: reading.createdBy, type: 'user' },
              links: { self: `/v2/users/${reading.createdBy}` },
            },
          }),
      // A client that a person typed into the credential is the credential's own and nothing to follow.
      ...(reading.authClient === null || reading.clientType === null
        ? {}
        : {
            auth_client: {
              data: { id: reading.authClient.id, type: 'auth-client' },
              links: { self: `/v2/auth-clients/${reading.authClient.id}` },
            },
          }),
    },
  };
}

export type SecretHealth = { readonly state: 'ready' | 'error'; readonly error: string | null };

/** `ready` = usable now. What went wrong last is told beside it, also while an older token still serves. */
export function healthOf(reading: Reading, now: Date): SecretHealth {
  if (reading.reportedError !== null) return { state: 'error', error: reading.reportedError };
  return reading.grant === null ? { state: 'ready', error: null } : healthOfGrant(reading.grant, now);
}

function healthOfGrant(grant: GrantReading, now: Date): SecretHealth {
  const isAlive = grant.expiresAt === null || grant.expiresAt > now;
  switch (grant.state) {
    case 'active':
    case 'static':
      return isAlive
        ? { state: 'ready', error: null }
        : { state: 'error', error: 'The token has expired and is not refreshed yet.' };
    case 'degraded':
      return { state: isAlive ? 'ready' : 'error', error: grant.lastError };
    case 'needs_reauth':
      return { state: 'error', error: grant.lastError ?? 'The account must be connected again.' };
    case 'pending':
    case 'pending_confirmation':
      return { state: 'error', error: 'Nobody has connected an account yet.' };
    case 'disconnected':
      return { state: 'error', error: 'The account was disconnected.' };
  }
}
