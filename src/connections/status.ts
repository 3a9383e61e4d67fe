// The traffic light of a connection. pending and configured follow from the credential and its grant; only healthy and
// error are stored, and they count only for the consent and the values that they were learned with.
//
//   pending (nothing chosen, not connected) -> configured (yellow) -> healthy (green) <-> error (red)
import type { ConnectionRow } from './connection-store.ts';

export type ConnectionStatus = {
  readonly status: 'pending' | 'configured' | 'healthy' | 'error';
  readonly reason: string | null;
};

export function connectionStatus(connection: ConnectionRow): ConnectionStatus {
  if (connection.credentialId === null) return { status: 'pending', reason: 'No credential is chosen.' };
  switch (connection.grantState) {
    case 'pending':
      return { status: 'pending', reason: 'Nobody has connected an account yet.' };
    case 'pending_confirmation':
      return { status: 'pending', reason: 'The connected account has not been confirmed yet.' };
    case 'disconnected':
      return { status: 'pending', reason: 'The account was disconnected.' };
    case 'needs_reauth':
      return { status: 'error', reason: connection.grantError ?? 'The account must be connected again.' };
    case 'active':
    case 'degraded':
    case 'static':
    case null:
      return storedStatus(connection);
  }
}

function storedStatus(connection: ConnectionRow): ConnectionStatus {
  const { storedStatus: stored, statusConsentNo, consentNo, statusAt, valuesSetAt } = connection;
  const isCurrent =
    statusConsentNo === consentNo && !(statusAt !== null && valuesSetAt !== null && valuesSetAt > statusAt);
  if (stored === null || !isCurrent) return { status: 'configured', reason: null };
  return { status: stored, reason: connection.reason };
}
