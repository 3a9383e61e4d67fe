import { expect, test } from 'vitest';
import { compareScopes } from './granted-scope.ts';

test.each([
  ['a b', 'a b', [], []],
  ['a b', 'b a', [], []],
  ['a,b', 'a b', [], []],
  ['a b', 'a', [], ['b']],
  ['a', 'a admin', ['admin'], []],
  ['a', 'b', ['b'], ['a']],
  // Nobody said anything: RFC 6749 5.1, or scopes that are fixed at the app.
  ['a', null, [], []],
  [null, 'everything', [], []],
  ['', 'everything', [], []],
  ['a', '  ', [], []],
  // Spellings of the same thing.
  ['Files.Read', 'files.read', [], []],
  ['Mail.Read offline_access', 'https://graph.microsoft.com/Mail.Read profile openid email', [], []],
  ['email', 'https://www.googleapis.com/auth/userinfo.email openid', [], []],
  // A longer one is another one.
  ['files.read', 'files.read.all', ['files.read.all'], ['files.read']],
  ['read', 'https://evil.example/x/read', ['https://evil.example/x/read'], ['read']],
] as const)('T21 asked for %j, granted %j', (requested, granted, extra, missing) => {
  expect(compareScopes(requested, granted)).toEqual({ extra, missing });
});
