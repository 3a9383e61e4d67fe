// Discord: tokens live a week, refresh tokens are replaced.
import type { ProviderEntry } from './provider-entry.ts';

export const discord: ProviderEntry = {
  key: 'discord',
  name: 'Discord',
  documentationUrl: 'https://discord.com/developers/docs/topics/oauth2',
  tokenHosts: ['discord.com'],
  authorizeUrl: 'https://discord.com/oauth2/authorize',
  tokenUrl: 'https://discord.com/api/oauth2/token',
  revocation: { url: 'https://discord.com/api/oauth2/token/revoke', style: 'rfc7009' },
  quirks: { rotates: true },
};
