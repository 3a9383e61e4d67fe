// What a change makes of an OAuth client's identity. A secret belongs to the addresses for which it was typed: an address
// that changes detaches it, or whoever may edit an address could have the secret sent to himself.
import { invalidField } from '../kernel/fault.ts';
import type { Registration, RegistrationIdentity } from './registration.ts';

const endpoints = ['authorizeUrl', 'tokenUrl', 'refreshUrl', 'revokeUrl'] as const;

/** The identity with some parts replaced, or null when it stays the same. */
export function changedIdentity(
  current: Registration,
  change: Partial<RegistrationIdentity>,
  options: { readonly secretComesAlong: boolean; readonly secretField: string },
): RegistrationIdentity | null {
  const next: RegistrationIdentity = {
    clientId: change.clientId ?? current.clientId,
    authorizeUrl: change.authorizeUrl ?? current.authorizeUrl,
    tokenUrl: change.tokenUrl ?? current.tokenUrl,
    refreshUrl: change.refreshUrl === undefined ? current.refreshUrl : change.refreshUrl,
    revokeUrl: change.revokeUrl === undefined ? current.revokeUrl : change.revokeUrl,
    clientAuth: change.clientAuth ?? current.clientAuth,
  };
  const isMoved = endpoints.some((endpoint) => next[endpoint] !== current[endpoint]);
  if (isMoved && !options.secretComesAlong) {
    throw invalidField(
      options.secretField,
      'must be entered again, because an address that would receive it changes.',
      'Send the client secret together with the new addresses.',
    );
  }
  const isSame = !isMoved && next.clientId === current.clientId && next.clientAuth === current.clientAuth;
  return isSame ? null : next;
}
