// Salesforce: does not say how long a token lives (the org's session timeout, two hours unless changed).
import type { ProviderEntry } from './provider-entry.ts';

export const salesforce: ProviderEntry = {
  key: 'salesforce',
  name: 'Salesforce',
  documentationUrl: 'https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_web_server_flow.htm',
  tokenHosts: ['salesforce.com'],
  authorizeUrl: 'https://login.salesforce.com/services/oauth2/authorize',
  tokenUrl: 'https://login.salesforce.com/services/oauth2/token',
  revocation: { url: '{tokenOrigin}/services/oauth2/revoke', style: 'rfc7009' },
  offlineScope: 'refresh_token',
  quirks: {
    defaultLifetimeSeconds: 7_200,
    errorVerdicts: {
      inactive_user: 'revoked',
      inactive_org: 'revoked',
      invalid_client_credentials: 'client_rejected',
      invalid_app_access: 'client_rejected',
      oauth_app_blocked: 'client_rejected',
      oauth_app_access_denied: 'client_rejected',
    },
  },
};
