import { expect, test } from 'vitest';
import { findAccount } from './account.ts';

const jwt = (claims: unknown) => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`;
const find = (
  extra: Record<string, unknown>,
  over: { catalogueKey?: string | null; callbackParams?: Record<string, string>; tokenUrl?: string } = {},
) =>
  findAccount({
    tokens: { extra },
    provider: {
      catalogueKey: over.catalogueKey ?? null,
      tokenUrl: over.tokenUrl ?? 'https://as.example/token',
    },
    clientId: 'us',
    callbackParams: over.callbackParams ?? {},
  });

test('T20 an id_token for us names issuer and subject, and shows the mail address', () => {
  const claims = { iss: 'https://as.example', sub: '42', aud: 'us', email: 'jo@x.example' };
  expect(find({ id_token: jwt(claims) })).toEqual({
    id: 'as.example https://as.example 42',
    label: 'jo@x.example',
  });
  expect(find({ id_token: jwt({ ...claims, aud: ['other', 'us'] }) })?.label).toBe('jo@x.example');
  // Another subject of the same address is another account; another address of the same subject is not.
  expect(find({ id_token: jwt({ ...claims, sub: '43' }) })?.id).not.toBe(find({ id_token: jwt(claims) })?.id);
  expect(find({ id_token: jwt({ ...claims, email: 'new@x.example' }) })?.id).toBe(
    find({ id_token: jwt(claims) })?.id,
  );
});

test('T23 an id_token for somebody else, or one that is none, names nobody', () => {
  const hostile = [
    jwt({ sub: '42', aud: 'other' }),
    jwt({ sub: '42' }),
    jwt({ aud: 'us' }),
    jwt({ sub: {}, aud: 'us' }),
    jwt('text'),
    jwt(null),
    'a.b.c',
    'one',
    '',
    42,
    null,
    { sub: '42' },
  ];
  for (const id_token of hostile) expect(find({ id_token }), String(id_token)).toBeNull();
});

test('providers of the catalogue name accounts in their own fields', () => {
  const team = { team: { id: 'T1', name: 'Hooli' }, authed_user: { id: 'U1' }, bot_user_id: 'B1' };
  expect(find(team, { catalogueKey: 'slack' })).toMatchObject({ label: 'Hooli (U1)' });
  expect(
    find({ ...team, bot_user_id: undefined, authed_user: { id: 'U2' } }, { catalogueKey: 'slack' })?.id,
  ).not.toBe(find({ ...team, bot_user_id: undefined }, { catalogueKey: 'slack' })?.id);
  const salesforce = {
    id: 'https://login.salesforce.com/id/00D/005',
    instance_url: 'https://x.my.salesforce.com',
  };
  expect(find(salesforce, { catalogueKey: 'salesforce' })?.label).toBe('005 at https://x.my.salesforce.com');
  expect(find({ account_id: 'dbid:1' }, { catalogueKey: 'dropbox' })?.id).toBe('as.example dbid:1');
  expect(find({}, { catalogueKey: 'quickbooks', callbackParams: { realmId: '9' } })?.label).toBe('9');
  // Fields with other meanings elsewhere do not count where the catalogue knows better.
  expect(find({ account_id: 'x' }, { catalogueKey: 'slack' })).toBeNull();
});

test('unknown providers are read by names that mean an account everywhere; the rest stays unknown', () => {
  expect(find({ account_id: 'a' })?.label).toBe('a');
  expect(find({ user_id: 7 })?.id).toBe('as.example 7');
  expect(find({ id: 'https://login.example/id/1/2' })?.label).toBe('https://login.example/id/1/2');
  expect(find({ id: '12345' })).toBeNull();
  expect(find({})).toBeNull();
  expect(find({ account_id: '' })).toBeNull();
  // Equal ids of two providers are two accounts.
  expect(find({ user_id: 7 }, { tokenUrl: 'https://other.example/token' })?.id).not.toBe(
    find({ user_id: 7 })?.id,
  );
});

test('a label is one short line whose characters can all be seen', () => {
  const label = find({ account_id: `a\u202eb\u0000\n<script>${'x'.repeat(500)}` })?.label ?? '';
  expect(label).toMatch(/^a b <script>x/);
  expect([...label]).toHaveLength(200);
});
