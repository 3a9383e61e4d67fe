import { expect, test } from 'vitest';
import { findProviderEntry, providerEntries } from './catalogue/catalogue.ts';
import { checkEndpointPattern, expandEndpointPattern, placeholdersOf } from './endpoint-pattern.ts';
import { createProvider } from './provider.ts';

test('every catalogue entry is well formed, documented, and found by its own token URL', () => {
  expect(new Set(providerEntries.map((entry) => entry.key)).size).toBe(providerEntries.length);
  expect(providerEntries.length).toBeGreaterThanOrEqual(20);
  for (const entry of providerEntries) {
    checkEndpointPattern(entry.authorizeUrl, `${entry.key} authorizeUrl`);
    checkEndpointPattern(entry.tokenUrl, `${entry.key} tokenUrl`);
    expect(entry.documentationUrl, entry.key).toMatch(/^https:\/\//);
    const values = Object.fromEntries(placeholdersOf(entry.tokenUrl).map((name) => [name, 'acme']));
    const tokenUrl = expandEndpointPattern(entry.tokenUrl, values, 'tokenUrl');
    expect(findProviderEntry(tokenUrl)?.key).toBe(entry.key);
    expect(findProviderEntry(entry.tokenUrl)?.key, 'pattern').toBe(entry.key);
    const provider = createProvider({ authorizeUrl: entry.authorizeUrl, tokenUrl });
    expect(provider.catalogueKey).toBe(entry.key);
    if (provider.revokeUrl !== null)
      expect(provider.revokeUrl.replace('{clientId}', 'x')).toMatch(/^https:\/\/[a-z0-9.-]+\//);
  }
});

test('a host that only looks like a known one is unknown', () => {
  for (const url of [
    'https://evilslack.com/api',
    'https://slack.com.evil.example/api',
    'https://slack.com@evil.example/',
    'http://slack.com/api',
    'https://slack.com:8443/',
    'https://evil.example/slack.com',
    'https://evil.example?slack.com',
    'https://evil.example#.slack.com',
    'slack.com',
  ]) {
    expect(findProviderEntry(url), url).toBeNull();
  }
  expect(findProviderEntry('https://SLACK.com/api/oauth.v2.access')?.key).toBe('slack');
  expect(findProviderEntry('https://acme.my.salesforce.com/services/oauth2/token')?.key).toBe('salesforce');
});

test('an unknown provider gets the standards; what a person typed wins over the catalogue', () => {
  const unknown = createProvider({ authorizeUrl: null, tokenUrl: 'https://as.example/token' });
  expect(unknown).toMatchObject({
    catalogueKey: null,
    name: 'as.example',
    clientAuth: 'post',
    pkce: 'S256',
    scopeSeparator: ' ',
    bodyFormat: 'form',
    revokeUrl: null,
    issAdvertised: false,
  });
  const slack = createProvider({
    authorizeUrl: 'https://slack.com/oauth/v2/authorize',
    tokenUrl: 'https://slack.com/api/oauth.v2.access',
    pkce: 'S256',
    clientAuth: 'basic',
    authorizeParams: { team: 'T1' },
  });
  expect(slack).toMatchObject({
    pkce: 'S256',
    clientAuth: 'basic',
    scopeSeparator: ',',
    authorizeParams: { team: 'T1' },
  });
});

test('a revocation URL on the known host is called that host’s way, any other the standard way', () => {
  const at = (revokeUrl: string | null) =>
    createProvider({ authorizeUrl: null, tokenUrl: 'https://slack.com/api/oauth.v2.access', revokeUrl });
  expect(at('https://slack.com/api/auth.revoke').revocationStyle).toBe('bearer_post');
  expect(at('https://slack.com.evil.example/api/auth.revoke').revocationStyle).toBe('rfc7009');
  expect(at(null)).toMatchObject({
    revokeUrl: 'https://slack.com/api/auth.revoke',
    revocationStyle: 'bearer_post',
  });
  const org = createProvider({
    authorizeUrl: null,
    tokenUrl: 'https://acme.my.salesforce.com/services/oauth2/token',
  });
  expect(org.revokeUrl).toBe('https://acme.my.salesforce.com/services/oauth2/revoke');
});
