// Dropbox: scopes are fixed at the app and may be left blank; refresh tokens come only when asked for and do not rotate.
import type { ProviderEntry } from './provider-entry.ts';

export const dropbox: ProviderEntry = {
  key: 'dropbox',
  name: 'Dropbox',
  documentationUrl: 'https://developers.dropbox.com/oauth-guide',
  tokenHosts: ['api.dropboxapi.com', 'api.dropbox.com'],
  authorizeUrl: 'https://www.dropbox.com/oauth2/authorize',
  tokenUrl: 'https://api.dropboxapi.com/oauth2/token',
  // Ends the refresh token of the same authorization with it.
  revocation: { url: 'https://api.dropboxapi.com/2/auth/token/revoke', style: 'bearer_post' },
  authorizeParams: { token_access_type: 'offline' },
  quirks: { rotates: false },
};
