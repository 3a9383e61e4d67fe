// The traffic light of a connection. pending and configured follow from the credential and its grant; only healthy and
// error are stored, and they count only for the consent and the values that they were learned with. An execution that
// failed for want of an account is red until somebody connects one.
//
//   pending (nothing chosen, not connected) -> configured (yellow) -> healthy (green) <-> error (red)
import type { GrantState } from '../credentials/grant-store.ts';
import type { ConnectionRow } from './connection-store.ts';

export type ConnectionStatus = {
  readonly status: 'pending' | 'configured' | 'healthy' | 'error';
  readonly reason: string | null;
};

const unconnected: Partial<Record<GrantState, string>> = {
  pending: 'Nobody has connected an account yet.',
  pending_confirmation: 'The connected account has not been confirmed yet.',
  disconnected: 'The account was disconnected.',
};

export function connectionStatus(connection: ConnectionRow): ConnectionStatus {
  const { credentialId, grantState, grantError, reason } = connection;
  if (credentialId === null) return { status: 'pending', reason: 'No credential is chosen.' };
  if (grantState === 'needs_reauth') {
    return { status: 'error', reason: grantError ?? 'The account must be connected again.' };
  }
  const learned = currentStatus(connection);
  const missing = grantState === null ? undefined : unconnected[grantState];
  if (missing !== undefined) {
    return learned === 'error' ? { status: 'error', reason } : { status: 'pending', reason: missing };
  }
  return learned === null ? { status: 'configured', reason: null } : { status: learned, reason };
}

function currentStatus(connection: ConnectionRow): 'healthy' | 'error' | null {
  const { storedStatus, statusConsentNo, consentNo, statusAt, valuesSetAt } = connection;
  const isOfOtherValues = statusAt !== null && valuesSetAt !== null && valuesSetAt > statusAt;
  return statusConsentNo === consentNo && !isOfOtherValues ? storedStatus : null;
}
