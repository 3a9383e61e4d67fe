// Google: a refresh token comes only with offline access and a shown consent; it does not rotate.
import type { ProviderEntry } from './provider-entry.ts';

export const google: ProviderEntry = {
  key: 'google',
  name: 'Google',
  documentationUrl: 'https://developers.google.com/identity/protocols/oauth2/web-server',
  tokenHosts: ['oauth2.googleapis.com', 'accounts.google.com', 'www.googleapis.com'],
  authorizeUrl: 'https://accounts.google.com/o/oauth2/v2/auth',
  tokenUrl: 'https://oauth2.googleapis.com/token',
  revocation: { url: 'https://oauth2.googleapis.com/revoke', style: 'rfc7009' },
  authorizeParams: { access_type: 'offline', prompt: 'consent' },
  issuer: 'https://accounts.google.com',
  quirks: {
    rotates: false,
    errorVerdicts: { deleted_client: 'client_rejected', admin_policy_enforced: 'revoked' },
  },
};
