// cspell:ignore ｅvil évil exam mple
import { expect, test } from 'vitest';
import { isFault } from '../kernel/fault.ts';
import { checkEndpointPattern, expandEndpointPattern, placeholdersOf } from './endpoint-pattern.ts';
import { checkEndpointUrl } from './endpoint-url.ts';

const shop = 'https://{{shop}}.myshopify.com/admin/oauth/access_token';

test('a placeholder is filled in left of its pinned host', () => {
  expect(expandEndpointPattern(shop, { shop: 'acme' }, 'tokenUrl')).toBe(
    'https://acme.myshopify.com/admin/oauth/access_token',
  );
  const org = 'https://{{org}}.my.salesforce.com/services/oauth2/token';
  expect(expandEndpointPattern(org, { org: 'Acme--uat.sandbox' }, 'tokenUrl')).toContain(
    'https://acme--uat.sandbox.my.salesforce.com/',
  );
  expect(expandEndpointPattern('https://a.example/token?x=y', {}, 'tokenUrl')).toBe(
    'https://a.example/token?x=y',
  );
  expect(placeholdersOf('https://{{a}}-{{ b }}.x.example.com/')).toEqual(['a', 'b']);
});

test('no value moves the host', () => {
  const values = [
    'evil.example/#',
    'evil.example#',
    'evil.example?',
    'evil.example/',
    'evil.example\\',
    'evil.example@',
    'a@evil.example',
    'user:pw@evil',
    'evil.example%2f',
    'evil.example%23',
    'evil.example:443/',
    'a:443',
    '%2e',
    '..',
    '.',
    'a..b',
    '.a',
    'a.',
    '-a',
    'a-',
    '',
    ' ',
    'a b',
    'a\tb',
    'a\nb',
    'a\r\nHost: evil',
    'evil。example',
    'ｅvil',
    'évil',
    '\u0000',
    'a\u202eb',
    '{{shop}}',
    '$(x)',
    '$&',
    'a_b',
    '[::1]',
    '//evil.example',
    'x'.repeat(64),
    'a.b.c.d.e',
    '__proto__ ',
  ];
  for (const value of values) {
    expect(() => expandEndpointPattern(shop, { shop: value }, 'tokenUrl'), JSON.stringify(value)).toThrow(
      /shop:/,
    );
  }
});

test('a missing value and an inherited name are named, not filled in', () => {
  expect(() => expandEndpointPattern(shop, {}, 'tokenUrl')).toThrow(/shop:/);
  expect(() => expandEndpointPattern('https://{{constructor}}.a.example/', {}, 'tokenUrl')).toThrow(
    /constructor:/,
  );
});

test('a placeholder anywhere but left of a fixed provider domain is refused when it is saved', () => {
  const patterns = [
    'https://{{host}}/token',
    'https://{{host}}.com/token',
    'https://{{x}}.co.uk/token',
    'https://{{x}}.com.au/token',
    'https://a.example.com/{{tenant}}/token',
    'https://a.example.com/?x={{y}}',
    'https://a.example.com:{{port}}/',
    'https://{{user}}@a.example.com/',
    'https://a.example.com#{{x}}',
    '{{scheme}}://a.example.com/',
    'https://{{a}}evil.example.com/',
    'https://{{a}.example.com/',
    'https://{{a}}.{{b}}/',
    'https://{{}}.a.example.com/',
    'https://{{a b}}.a.example.com/',
    'https://{a}.example.com/',
  ];
  for (const pattern of patterns) {
    expect(() => checkEndpointPattern(pattern, 'tokenUrl'), pattern).toThrow(/^tokenUrl:/);
    expect(
      () => expandEndpointPattern(pattern, { x: 'a', a: 'a', b: 'b', host: 'evil' }, 'tokenUrl'),
      pattern,
    ).toThrow();
  }
  for (const pattern of [shop, 'https://a.example/', 'https://{{a}}.{{b}}.example.com/x?y=z']) {
    expect(() => checkEndpointPattern(pattern, 'tokenUrl')).not.toThrow();
  }
});

test('a typed endpoint is absolute, without userinfo, fragment and tricks; the field is named', () => {
  const refused = [
    '',
    'token',
    '/token',
    '//a.example',
    'https:a.example',
    'https:/a.example',
    'https:///a.example',
    'ftp://a.example',
    'javascript:alert(1)',
    'https://',
    'https://u@a.example',
    'https://u:p@a.example',
    'https://@a.example',
    'https://a.example/#x',
    'https://a.example#',
    'https:\\\\a.example',
    'https://a.example\\@evil',
    ' https://a.example',
    'https://a.example ',
    'https://a.exa\tmple',
    'https://a.example/\n',
    'https://a..example',
    'https://a.example.',
    'https://a.example:99999',
    'https://[::1',
    'https://a.example/\u202e',
    'https://a\u200b.example',
    `https://a.example/${'x'.repeat(2100)}`,
    'https://a b/',
    ...[...';,!$&\'()*+={}`"~'].map((odd) => `https://a${odd}b.example/`),
    'https://a%3Bb.example/',
  ];
  for (const text of refused) {
    let thrown: unknown = null;
    try {
      checkEndpointUrl(text, 'token_uri');
    } catch (error) {
      thrown = error;
    }
    expect(isFault(thrown, 'invalid_field') && thrown.field, JSON.stringify(text)).toBe('token_uri');
  }
  for (const text of [
    'http://example.com',
    'https://a.example:8443/t?x=y',
    'https://127.0.0.1/',
    'HTTPS://A.example/',
    'https://[2001:db8::1]:8443/',
    'https://bücher.example/',
    'https://my_shop.a-b.example/',
  ]) {
    expect(checkEndpointUrl(text, 'token_uri')).toBeInstanceOf(URL);
  }
});
