// Slack: errors come with status 200, scopes with commas; a grant may hold a bot's token or only a user's.
import type { ProviderEntry } from './provider-entry.ts';

export const slack: ProviderEntry = {
  key: 'slack',
  name: 'Slack',
  documentationUrl: 'https://docs.slack.dev/authentication/using-token-rotation',
  tokenHosts: ['slack.com', 'slack-gov.com'],
  authorizeUrl: 'https://slack.com/oauth/v2/authorize',
  tokenUrl: 'https://slack.com/api/oauth.v2.access',
  revocation: { url: 'https://slack.com/api/auth.revoke', style: 'bearer_post' },
  // Has to be switched on for the app at Slack; until then a challenge breaks the flow.
  pkce: 'off',
  scopeSeparator: ',',
  quirks: {
    rotates: true,
    tokenPaths: [[], ['authed_user']],
    errorVerdicts: {
      code_already_used: 'revoked',
      invalid_auth: 'revoked',
      account_inactive: 'revoked',
      bad_client_secret: 'client_rejected',
      bad_redirect_uri: 'client_rejected',
      invalid_client_id: 'client_rejected',
      token_rotation_not_enabled: 'client_rejected',
      accesslimited: 'transient',
      // Both say that some aspect of the operation may have succeeded.
      internal_error: 'unknown',
      fatal_error: 'unknown',
    },
  },
};
