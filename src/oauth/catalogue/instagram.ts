// Instagram: the code gives a token of an hour, which is traded for one of sixty days, which is renewed with itself once it is
// a day old. There are no refresh tokens, no PKCE and no revocation.
import { day, type ProviderEntry } from './provider-entry.ts';

export const instagram: ProviderEntry = {
  key: 'instagram',
  name: 'Instagram',
  documentationUrl:
    'https://developers.facebook.com/docs/instagram-platform/instagram-api-with-instagram-login/business-login',
  tokenHosts: ['api.instagram.com', 'graph.instagram.com'],
  authorizeUrl: 'https://www.instagram.com/oauth/authorize',
  tokenUrl: 'https://api.instagram.com/oauth/access_token',
  pkce: 'off',
  scopeSeparator: ',',
  longLived: {
    exchangeUrl: 'https://graph.instagram.com/access_token',
    exchangeGrant: 'ig_exchange_token',
    renewUrl: 'https://graph.instagram.com/refresh_access_token',
    renewGrant: 'ig_refresh_token',
  },
  quirks: {
    rotates: false,
    defaultLifetimeSeconds: 60 * day,
    minForcedRefreshSeconds: day,
    errorVerdicts: { '190': 'revoked' },
  },
};
