// HubSpot: tokens live 30 minutes, refresh tokens stay; older endpoints name their errors in `status`.
import type { ProviderEntry } from './provider-entry.ts';

export const hubspot: ProviderEntry = {
  key: 'hubspot',
  name: 'HubSpot',
  documentationUrl: 'https://developers.hubspot.com/docs/api/oauth/tokens',
  tokenHosts: ['api.hubapi.com', 'api.hubspot.com'],
  authorizeUrl: 'https://app.hubspot.com/oauth/authorize',
  tokenUrl: 'https://api.hubapi.com/oauth/v1/token',
  revocation: { url: 'https://api.hubapi.com/oauth/v1/refresh-tokens', style: 'refresh_token_in_path' },
  quirks: {
    rotates: false,
    errorVerdicts: {
      bad_refresh_token: 'revoked',
      bad_auth_code: 'revoked',
      bad_client_id: 'client_rejected',
      bad_client_secret: 'client_rejected',
      bad_redirect_uri: 'client_rejected',
    },
  },
};
