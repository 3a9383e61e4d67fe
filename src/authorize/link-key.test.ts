import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { newId, type TenantId } from '../kernel/ids.ts';
import {
  browserCookie,
  checkFormToken,
  formToken,
  hashBrowserToken,
  isBrowserToken,
  isSameBrowser,
  newBrowserToken,
} from './browser-binding.ts';
import { hashLink, parseRecordKey, recordKey, secretLink, tenantOfSecretLink } from './link-key.ts';

test('a secret link carries its tenant and 256 random bits; anything else is nobody’s', () => {
  const tenant = newId<TenantId>();
  const link = secretLink(tenant, randomBytes(32));
  expect(link).toMatch(/^[A-Za-z0-9_-]{65}$/);
  expect(tenantOfSecretLink(link)).toBe(tenant);
  for (const text of [
    '',
    link.slice(1),
    `${link}A`,
    `${link.slice(0, 64)}=`,
    `${link.slice(0, 64)}é`,
    ' '.repeat(65),
  ]) {
    expect(tenantOfSecretLink(text), text).toBeNull();
  }
  expect(hashLink(link)).not.toEqual(hashLink(`${link.slice(0, -1)}${link.endsWith('A') ? 'B' : 'A'}`));
});

test('a record key comes back as it went in', () => {
  const [tenant, id] = [newId<TenantId>(), newId<TenantId>()];
  expect(parseRecordKey(recordKey(tenant, id))).toEqual({ tenant, id });
  for (const text of ['', 'x', `${recordKey(tenant, id)}A`, '/'.repeat(43)])
    expect(parseRecordKey(text)).toBeNull();
});

test('the cookie follows the public address: __Host- and Secure over https, plain on loopback', () => {
  expect(browserCookie('https://keys.example.com')).toMatchObject({
    name: '__Host-lk-authz',
    attributes: { secure: true, httpOnly: true, sameSite: 'lax', path: '/' },
  });
  expect(browserCookie('http://127.0.0.1:4000')).toMatchObject({
    name: 'lk-authz',
    attributes: { secure: false },
  });
});

test('T07 a browser is known by its whole token only', () => {
  const token = newBrowserToken();
  expect(isBrowserToken(token)).toBe(true);
  expect(isSameBrowser(hashBrowserToken(token), token)).toBe(true);
  expect(isSameBrowser(hashBrowserToken(token), newBrowserToken())).toBe(false);
  expect(isSameBrowser(Buffer.alloc(0), token)).toBe(false);
  for (const text of [null, undefined, '', `${token}A`, token.slice(1), `${token.slice(1)};`]) {
    expect(isBrowserToken(text)).toBe(false);
  }
});

test('T17 a form is taken from the page that this browser was shown for this purpose only', () => {
  const token = newBrowserToken();
  expect(checkFormToken(formToken(token, 'a'), token, 'a')).toBe(token);
  expect(() => checkFormToken(formToken(token, 'b'), token, 'a')).toThrow(/form/);
  expect(() => checkFormToken(formToken(newBrowserToken(), 'a'), token, 'a')).toThrow(/form/);
  expect(() => checkFormToken('', token, 'a')).toThrow(/form/);
  expect(() => checkFormToken(formToken(token, 'a'), null, 'a')).toThrow(/browser/);
});
