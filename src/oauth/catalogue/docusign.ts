// DocuSign: client proof by Basic only; demo accounts live on another host.
import { day, type ProviderEntry } from './provider-entry.ts';

export const docusign: ProviderEntry = {
  key: 'docusign',
  name: 'DocuSign',
  documentationUrl: 'https://developers.docusign.com/platform/auth/authcode/authcode-get-token/',
  tokenHosts: ['account.docusign.com', 'account-d.docusign.com'],
  authorizeUrl: 'https://account.docusign.com/oauth/auth',
  tokenUrl: 'https://account.docusign.com/oauth/token',
  clientAuth: 'basic',
  quirks: { refreshLifetimeSeconds: 30 * day },
};
