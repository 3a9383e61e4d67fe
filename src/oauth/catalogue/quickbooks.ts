// QuickBooks Online (Intuit): the refresh token's value changes about daily; the company comes with the callback.
import { day, type ProviderEntry } from './provider-entry.ts';

export const quickbooks: ProviderEntry = {
  key: 'quickbooks',
  name: 'QuickBooks Online',
  documentationUrl:
    'https://developer.intuit.com/app/developer/qbo/docs/develop/authentication-and-authorization/oauth-2.0',
  tokenHosts: ['oauth.platform.intuit.com'],
  authorizeUrl: 'https://appcenter.intuit.com/connect/oauth2',
  tokenUrl: 'https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer',
  revocation: { url: 'https://developer.api.intuit.com/v2/oauth2/tokens/revoke', style: 'rfc7009_json' },
  clientAuth: 'basic',
  issuer: 'https://oauth.platform.intuit.com/op/v1',
  quirks: { rotates: true, refreshLifetimeSeconds: 100 * day, callbackParams: ['realmId'] },
};
