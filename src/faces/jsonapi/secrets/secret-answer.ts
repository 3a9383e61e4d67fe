// A secret as this dialect shows it. The hot path of a token read ends here: one object, one JSON.stringify.
import type { UnitId } from '../../../kernel/ids.ts';
import type { GrantReading, Reading } from '../../../refresh/reading.ts';
import { kindOfReading, typeOfReading } from '../kinds/secret-kinds.ts';

export type SecretView = {
  readonly workspaceId: UnitId;
  /** Without it the credentials are left out altogether. */
  readonly showsCredentials: boolean;
  /** The reading refreshed what it could; else it shows what is stored, which a read of its own may still refresh. */
  readonly isServed: boolean;
  readonly now: Date;
};

/**
 * The resource object as JSON. Only what may need escaping goes through JSON.stringify: ids are UUIDs, and building the
 * envelope as an object costs as much as everything else in it.
 */
export function secretAnswer(reading: Reading, view: SecretView): string {
  const { workspaceId, showsCredentials } = view;
  const { credentialId: id, createdBy, authClient } = reading;
  const workspaceLink = `/v2/workspaces/${workspaceId}`;
  const { state, error } = healthOf(reading, view);
  const attributes = JSON.stringify({
    name: reading.label,
    state,
    // Absent members are undefined, which JSON leaves out: spreading costs more than writing does.
    error: error ?? undefined,
    type: typeOfReading(reading),
    credentials: showsCredentials ? kindOfReading(reading).show(reading) : undefined,
  });
  const user = createdBy === null ? '' : `,"user":${relation(createdBy, 'user', `/v2/users/${createdBy}`)}`;
  // A client that a person typed into the credential is the credential's own and nothing to follow.
  const client =
    authClient === null || reading.clientType === null
      ? ''
      : `,"auth_client":${relation(authClient.id, 'auth-client', `/v2/auth-clients/${authClient.id}`)}`;
  return `{"id":"${id}","type":"auth-secret","links":{"self":"${workspaceLink}/secrets/${id}"},"attributes":${attributes},"relationships":{"workspace":${relation(workspaceId, 'workspace', workspaceLink)}${user}${client}}}`;
}

function relation(id: string, type: string, link: string): string {
  return `{"data":{"id":"${id}","type":"${type}"},"links":{"self":"${link}"}}`;
}

export type SecretHealth = { readonly state: 'ready' | 'error'; readonly error: string | null };

/** `ready` = usable now. What went wrong last is told beside it, also while an older token still serves. */
export function healthOf(reading: Reading, view: Pick<SecretView, 'isServed' | 'now'>): SecretHealth {
  if (reading.reportedError !== null) return { state: 'error', error: reading.reportedError };
  return reading.grant === null ? { state: 'ready', error: null } : healthOfGrant(reading.grant, view);
}

function healthOfGrant(
  grant: GrantReading,
  { isServed, now }: Pick<SecretView, 'isServed' | 'now'>,
): SecretHealth {
  const isAlive = grant.expiresAt === null || grant.expiresAt > now;
  switch (grant.state) {
    case 'active':
    case 'static':
      // A parked token is dead between its reads, and nothing is wrong with it.
      return isAlive || (grant.isRenewable && !isServed)
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
