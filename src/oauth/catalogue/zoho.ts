// Zoho: one host per data centre; errors come with status 200; every tenth refresh within ten minutes costs a live token.
import type { ProviderEntry } from './provider-entry.ts';

export const zoho: ProviderEntry = {
  key: 'zoho',
  name: 'Zoho',
  documentationUrl: 'https://www.zoho.com/accounts/protocol/oauth/web-apps/access-token.html',
  tokenHosts: [
    'accounts.zoho.com',
    'accounts.zoho.eu',
    'accounts.zoho.in',
    'accounts.zoho.com.au',
    'accounts.zoho.jp',
    'accounts.zoho.sa',
    'accounts.zoho.uk',
    'accounts.zohocloud.ca',
  ],
  authorizeUrl: 'https://accounts.zoho.com/oauth/v2/auth',
  tokenUrl: 'https://accounts.zoho.com/oauth/v2/token',
  revocation: { url: '{tokenOrigin}/oauth/v2/token/revoke', style: 'rfc7009' },
  scopeSeparator: ',',
  authorizeParams: { access_type: 'offline', prompt: 'consent' },
  quirks: {
    rotates: false,
    minForcedRefreshSeconds: 60,
    errorVerdicts: { access_denied: 'throttled' },
    callbackParams: ['accounts-server', 'location'],
  },
};
