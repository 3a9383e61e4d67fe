// Box: a refresh token works once, for 60 days.
import { day, type ProviderEntry } from './provider-entry.ts';

export const box: ProviderEntry = {
  key: 'box',
  name: 'Box',
  documentationUrl: 'https://developer.box.com/guides/authentication/tokens/refresh/',
  tokenHosts: ['api.box.com'],
  authorizeUrl: 'https://account.box.com/api/oauth2/authorize',
  tokenUrl: 'https://api.box.com/oauth2/token',
  revocation: { url: 'https://api.box.com/oauth2/revoke', style: 'rfc7009' },
  quirks: { rotates: true, refreshLifetimeSeconds: 60 * day },
};
