import { expect, test } from 'vitest';
import { isFault } from '../kernel/fault.ts';
import { allowedTarget, checkRedirects, checkRedirectTarget } from './redirect-allow-list.ts';
import { resultRedirect } from './result-redirect.ts';

const origins = ['https://ok.example.com', 'http://localhost:3000', 'http://127.0.0.1:5173'];

const evil = [
  'https://ok.example.com@evil.example/',
  'https://ok.example.com:x@evil.example/',
  '//evil.example',
  '///evil.example',
  'https:evil.example',
  'https:/evil.example',
  'https:///evil.example',
  'javascript:alert(1)',
  'data:text/html,<script>alert(1)</script>',
  '\\\\evil.example',
  'https:\\\\evil.example',
  'https://ok.example.com\\@evil.example',
  'https://ok.example.com\\.evil.example',
  'https://evil.example\t/ok.example.com',
  'https://ok.exam\nple.com',
  'ht\ttps://evil.example',
  ' https://ok.example.com',
  'https://ok.example.com ',
  'https://ok.example.com.evil.example',
  'https://xn--oк.example.com',
  'https://xn--k-qmc.example.com',
  'https://оk.example.com',
  'https://ok。example.com',
  'https://%6fk.example.com',
  'https://ok.example.com.',
  'https://OK.example.com',
  'https://ok.example.com:444/',
  'https://ok.example.com:443/',
  'http://ok.example.com/',
  'https://ok.example.com/#@evil.example',
  'https://ok.example.com//evil.example',
  'https://2130706433/',
  'http://127.1:5173/',
  'http://localhost:3000@evil.example',
  'http://localhost.evil.example:3000',
  'blob:https://ok.example.com/x',
  'https://ok.example.com/\u202egnp.exe',
  'https://ok.example.com/\u0000',
  'https://[::1',
  'https://',
  '',
  `https://ok.example.com/${'a'.repeat(2_048)}`,
];

test('T12 no trick of spelling leads a redirect away from the allowed origins, when saved or when used', () => {
  expect(evil.length).toBeGreaterThanOrEqual(25);
  for (const target of evil) {
    expect(() => checkRedirectTarget(target, origins, 'redirects.success'), target).toThrow(
      /redirects\.success/,
    );
    expect(allowedTarget(target, origins), target).toBeNull();
    const snapshot = { successRedirect: target, failureRedirect: target, redirectParams: {} };
    expect(resultRedirect(snapshot, { kind: 'success' }, origins), target).toBeNull();
  }
});

test('T12 an entry of the list that is not exactly an origin allows nothing', () => {
  for (const entry of [
    'https://ok.example.com/',
    'https://ok.example.com/path',
    '*',
    'https://*',
    'null',
    'http://ok.example.com',
  ]) {
    expect(allowedTarget('https://ok.example.com/x', [entry]), entry).toBeNull();
  }
  // What stands in the list by accident is not followed either: `null` is the origin of many schemes.
  expect(allowedTarget('data:text/html,x', ['null'])).toBeNull();
  expect(allowedTarget('http://ok.example.com/', ['http://ok.example.com'])).toBeNull();
});

test('targets of listed origins are taken as they are, loopback over http included', () => {
  for (const target of [
    'https://ok.example.com',
    'https://ok.example.com/a/b?c=d',
    'http://localhost:3000/done',
    'http://127.0.0.1:5173/',
  ]) {
    expect(checkRedirectTarget(target, origins, 'x').href).toBe(new URL(target).href);
  }
});

test('a refusal names the field and the cure', () => {
  try {
    checkRedirects({ success: null, failure: 'https://other.example' }, origins);
  } catch (error) {
    expect(isFault(error, 'invalid_field')).toBe(true);
    expect(error).toMatchObject({ field: 'redirects.failure' });
    return;
  }
  throw new Error('it was allowed');
});
