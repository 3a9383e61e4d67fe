// Zendesk: one host per account; tokens expire only when a lifetime is asked for.
import { day, type ProviderEntry } from './provider-entry.ts';

export const zendesk: ProviderEntry = {
  key: 'zendesk',
  name: 'Zendesk',
  documentationUrl: 'https://developer.zendesk.com/api-reference/ticketing/oauth/grant_type_tokens/',
  tokenHosts: ['zendesk.com'],
  authorizeUrl: 'https://{{subdomain}}.zendesk.com/oauth/authorizations/new',
  tokenUrl: 'https://{{subdomain}}.zendesk.com/oauth/tokens',
  revocation: { url: '{tokenOrigin}/api/v2/oauth/tokens/current.json', style: 'bearer_delete' },
  tokenParams: { expires_in: '1800' },
  quirks: { rotates: true, refreshLifetimeSeconds: 30 * day },
};
