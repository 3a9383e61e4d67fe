// Airtable. Refresh tokens are single use, and reuse ends the grant.
import { day, type ProviderEntry } from './provider-entry.ts';

export const airtable: ProviderEntry = {
  key: 'airtable',
  name: 'Airtable',
  documentationUrl: 'https://airtable.com/developers/web/api/oauth-reference',
  tokenHosts: ['airtable.com'],
  authorizeUrl: 'https://airtable.com/oauth2/v1/authorize',
  tokenUrl: 'https://airtable.com/oauth2/v1/token',
  clientAuth: 'basic',
  pkce: 'S256',
  quirks: { rotates: true, revokesOnReuse: true, refreshLifetimeSeconds: 60 * day },
};
