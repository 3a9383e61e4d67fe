// Which kind a secret is: asked of a request by its type, of a stored credential by what it is.
import type { Reading } from '../../../refresh/reading.ts';
import { declaredKind } from './declared-kind.ts';
import { apiKeyKind, basicKind, noauthKind } from './field-kind.ts';
import { freeKind } from './free-kind.ts';
import { instagramKind, oauth2Kind } from './oauth2-kind.ts';
import type { SecretKind } from './secret-kind.ts';

export const namedKinds: ReadonlyMap<string, SecretKind> = new Map([
  ['oauth2', oauth2Kind],
  ['oauth2_instagram', instagramKind],
  ['basic', basicKind],
  ['api_key', apiKeyKind],
  ['noauth', noauthKind],
]);

/** Types that are not known are free form. */
export function kindOfType(type: string): SecretKind {
  return namedKinds.get(type) ?? freeKind;
}

/** `attributes.type`: clients switch on it, and send no authentication at all when it is missing. */
export function typeOfReading(reading: Reading): string {
  if (reading.clientType !== null) return reading.clientType;
  return reading.oauthKind === null ? reading.typeKey : 'oauth2';
}

export function kindOfReading(reading: Reading): SecretKind {
  if (reading.oauthKind !== null)
    return reading.clientType === 'oauth2_instagram' ? instagramKind : oauth2Kind;
  if (reading.typeKey === 'noauth') return kindOfType(typeOfReading(reading));
  return namedKinds.get(reading.typeKey) ?? declaredKind;
}
