// GitHub: errors come with status 200. Tokens of OAuth apps do not expire, those of GitHub Apps live 8 hours.
import type { ProviderEntry } from './provider-entry.ts';

export const github: ProviderEntry = {
  key: 'github',
  name: 'GitHub',
  documentationUrl:
    'https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/refreshing-user-access-tokens',
  tokenHosts: ['github.com'],
  authorizeUrl: 'https://github.com/login/oauth/authorize',
  tokenUrl: 'https://github.com/login/oauth/access_token',
  revocation: { url: 'https://api.github.com/applications/{clientId}/grant', style: 'grant_by_client' },
  quirks: {
    rotates: true,
    refreshLifetimeSeconds: 15_897_600,
    errorVerdicts: { unverified_user_email: 'revoked', access_denied: 'revoked' },
  },
};
