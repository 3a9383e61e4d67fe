// Microsoft identity platform: the refresh token before stays valid; no revocation for apps.
import { day, type ProviderEntry } from './provider-entry.ts';

export const microsoft: ProviderEntry = {
  key: 'microsoft',
  name: 'Microsoft',
  documentationUrl: 'https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow',
  tokenHosts: ['login.microsoftonline.com', 'login.microsoftonline.us', 'login.partner.microsoftonline.cn'],
  authorizeUrl: 'https://login.microsoftonline.com/common/oauth2/v2.0/authorize',
  tokenUrl: 'https://login.microsoftonline.com/common/oauth2/v2.0/token',
  offlineScope: 'offline_access',
  quirks: {
    rotates: false,
    refreshLifetimeSeconds: 90 * day,
    errorVerdicts: { invalid_resource: 'client_rejected' },
  },
};
