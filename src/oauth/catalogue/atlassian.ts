// Atlassian (Jira, Confluence): wants to be told the audience; a rotated pair lives on for ten minutes.
import { day, type ProviderEntry } from './provider-entry.ts';

export const atlassian: ProviderEntry = {
  key: 'atlassian',
  name: 'Atlassian',
  documentationUrl: 'https://developer.atlassian.com/cloud/oauth/getting-started/refresh-tokens/',
  tokenHosts: ['auth.atlassian.com'],
  authorizeUrl: 'https://auth.atlassian.com/authorize',
  tokenUrl: 'https://auth.atlassian.com/oauth/token',
  bodyFormat: 'json',
  authorizeParams: { audience: 'api.atlassian.com', prompt: 'consent' },
  offlineScope: 'offline_access',
  quirks: {
    rotates: true,
    graceSeconds: 600,
    refreshLifetimeSeconds: 90 * day,
    // Sent with 403 for a refresh token that it does not know (any more); a wrong client gets `access_denied`.
    errorVerdicts: { unauthorized_client: 'revoked', access_denied: 'client_rejected' },
  },
};
