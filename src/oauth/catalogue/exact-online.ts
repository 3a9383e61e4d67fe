// Exact Online: tokens live ten minutes and may be refreshed only in the last half minute.
import { day, type ProviderEntry } from './provider-entry.ts';

export const exactOnline: ProviderEntry = {
  key: 'exact-online',
  name: 'Exact Online',
  documentationUrl:
    'https://support.exactonline.com/community/s/knowledge-base#All-All-DNO-Content-oauth-eol-oauth-devstep1',
  tokenHosts: [
    'start.exactonline.nl',
    'start.exactonline.be',
    'start.exactonline.de',
    'start.exactonline.fr',
    'start.exactonline.es',
    'start.exactonline.co.uk',
    'start.exactonline.com',
  ],
  authorizeUrl: 'https://start.exactonline.nl/api/oauth2/auth',
  tokenUrl: 'https://start.exactonline.nl/api/oauth2/token',
  quirks: {
    rotates: true,
    maxLeadSeconds: 30,
    defaultLifetimeSeconds: 600,
    refreshLifetimeSeconds: 30 * day,
  },
};
