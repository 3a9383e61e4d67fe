// The address to which the provider sends the browser back. Each registration has its own, so that a code meant for one
// provider can never be posted to another (RFC 9700 4.4). The bare address serves only pairs that the operator pinned.
import { type Registration, redirectUriOf } from '../credentials/registration.ts';

/** Said by the operator, never by a tenant. */
export type PinnedProvider = {
  readonly authorizeUrl: string;
  readonly tokenUrl: string;
  /** The provider's issuer: its `iss` is then demanded in every answer (RFC 9207). Null: what the catalogue knows. */
  readonly issuer: string | null;
  /** Apps registered with the bare callback address, from a time before this installation. */
  readonly usesBareCallback: boolean;
};

/** `oauth2` is the spelling of one of the outside dialects; both lead to the same callback. */
export type CallbackDoor = 'c' | 'oauth2';

export function pinOf(
  registration: Pick<Registration, 'authorizeUrl' | 'tokenUrl'>,
  pinned: readonly PinnedProvider[],
): PinnedProvider | null {
  return (
    pinned.find(
      (pin) => pin.authorizeUrl === registration.authorizeUrl && pin.tokenUrl === registration.tokenUrl,
    ) ?? null
  );
}

export function callbackUri(options: {
  readonly registration: Pick<Registration, 'context'>;
  readonly pin: PinnedProvider | null;
  readonly publicUrl: string;
  readonly door: CallbackDoor;
}): string {
  const { registration, publicUrl, door } = options;
  if (options.pin?.usesBareCallback)
    return door === 'c' ? `${publicUrl}/callback` : `${publicUrl}/callback/oauth2`;
  return door === 'c'
    ? redirectUriOf(registration, publicUrl)
    : `${publicUrl}/callback/oauth2/${registration.context}`;
}

/** One of the addresses of this registration, and no other's. */
export function isCallbackOf(uri: string, of: Omit<Parameters<typeof callbackUri>[0], 'door'>): boolean {
  return (['c', 'oauth2'] as const).some((door) => callbackUri({ ...of, door }) === uri);
}
