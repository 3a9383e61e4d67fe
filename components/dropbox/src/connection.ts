// OAuth 2.0 as Dropbox offers it. Endpoint and scope values are those of its OAuth guide:
// https://developers.dropbox.com/oauth-guide
import { OAuth2PkceMethod, OAuth2Type, oauth2Connection } from '@prismatic-io/spectral';

export const oauth2 = oauth2Connection({
  key: 'oauth2',
  display: { label: 'OAuth 2.0', description: 'Sign in with a Dropbox account' },
  oauth2Type: OAuth2Type.AuthorizationCode,
  oauth2PkceMethod: OAuth2PkceMethod.S256,
  inputs: {
    authorizeUrl: {
      label: 'Authorize URL',
      type: 'string',
      required: true,
      shown: false,
      comments: 'Without token_access_type=offline Dropbox issues no refresh token.',
      default: 'https://www.dropbox.com/oauth2/authorize?token_access_type=offline',
    },
    tokenUrl: {
      label: 'Token URL',
      type: 'string',
      required: true,
      shown: false,
      default: 'https://api.dropboxapi.com/oauth2/token',
    },
    revokeUrl: {
      label: 'Revoke URL',
      type: 'string',
      required: false,
      shown: false,
      default: 'https://api.dropboxapi.com/2/auth/token/revoke',
    },
    scopes: {
      label: 'Scopes',
      type: 'string',
      required: false,
      comments: 'Separated by spaces; empty asks for all scopes of the app',
      default: 'files.metadata.read files.content.read',
    },
    clientId: { label: 'App key', type: 'string', required: true },
    clientSecret: { label: 'App secret', type: 'password', required: true },
  },
});
