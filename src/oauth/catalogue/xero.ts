// Xero: tokens live 30 minutes; the previous refresh token works 30 minutes longer.
import { day, type ProviderEntry } from './provider-entry.ts';

export const xero: ProviderEntry = {
  key: 'xero',
  name: 'Xero',
  documentationUrl: 'https://developer.xero.com/documentation/guides/oauth2/auth-flow/',
  tokenHosts: ['identity.xero.com'],
  authorizeUrl: 'https://login.xero.com/identity/connect/authorize',
  tokenUrl: 'https://identity.xero.com/connect/token',
  revocation: { url: 'https://identity.xero.com/connect/revocation', style: 'rfc7009' },
  clientAuth: 'basic',
  offlineScope: 'offline_access',
  issuer: 'https://identity.xero.com',
  quirks: { rotates: true, graceSeconds: 1_800, refreshLifetimeSeconds: 60 * day },
};
