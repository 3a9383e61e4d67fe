// Notion: no scopes, JSON bodies, client proof by Basic.
import type { ProviderEntry } from './provider-entry.ts';

export const notion: ProviderEntry = {
  key: 'notion',
  name: 'Notion',
  documentationUrl: 'https://developers.notion.com/docs/authorization',
  tokenHosts: ['api.notion.com'],
  authorizeUrl: 'https://api.notion.com/v1/oauth/authorize',
  tokenUrl: 'https://api.notion.com/v1/oauth/token',
  revocation: { url: 'https://api.notion.com/v1/oauth/revoke', style: 'rfc7009_json' },
  clientAuth: 'basic',
  bodyFormat: 'json',
  authorizeParams: { owner: 'user' },
};
