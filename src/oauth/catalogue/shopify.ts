// Shopify: one host per shop; scopes with commas; tokens expire only when asked for.
import { day, type ProviderEntry } from './provider-entry.ts';

export const shopify: ProviderEntry = {
  key: 'shopify',
  name: 'Shopify',
  documentationUrl:
    'https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/offline-access-tokens',
  tokenHosts: ['myshopify.com'],
  authorizeUrl: 'https://{{shop}}.myshopify.com/admin/oauth/authorize',
  tokenUrl: 'https://{{shop}}.myshopify.com/admin/oauth/access_token',
  scopeSeparator: ',',
  tokenParams: { expiring: '1' },
  quirks: { rotates: true, refreshLifetimeSeconds: 90 * day, callbackParams: ['shop'] },
};
