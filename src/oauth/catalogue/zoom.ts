// Zoom: client proof by Basic; a refresh token works once, for 90 days.
import { day, type ProviderEntry } from './provider-entry.ts';

export const zoom: ProviderEntry = {
  key: 'zoom',
  name: 'Zoom',
  documentationUrl: 'https://developers.zoom.us/docs/integrations/oauth/',
  tokenHosts: ['zoom.us'],
  authorizeUrl: 'https://zoom.us/oauth/authorize',
  tokenUrl: 'https://zoom.us/oauth/token',
  revocation: { url: 'https://zoom.us/oauth/revoke', style: 'rfc7009' },
  clientAuth: 'basic',
  quirks: { rotates: true, refreshLifetimeSeconds: 90 * day },
};
