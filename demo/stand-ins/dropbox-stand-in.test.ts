import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/kernel/clock.ts';
import { type DropboxStandIn, startDropboxStandIn } from './dropbox-stand-in.ts';
import { dropboxContentHash } from './dropbox-tree.ts';
import { photo } from './photo.ts';

const live = new Set(['live-token']);
const modified = new Date('2024-06-21T17:42:10Z');
const picture = photo();
let dropbox: DropboxStandIn;

beforeAll(async () => {
  dropbox = await startDropboxStandIn({
    clock: systemClock,
    isLiveAccessToken: async (token) => live.has(token),
    account: { accountId: 'dbid:AAH4', email: 'gavin@hooli.example', displayName: 'Gavin Belson' },
    files: [
      { path: '/Photos/Tower.jpg', bytes: picture, modified },
      { path: '/Photos/Trip/naïve ☕.txt', bytes: Buffer.from('hello'), modified },
      { path: '/readme.txt', bytes: Buffer.from('read me'), modified },
      { path: '/zeta.txt', bytes: Buffer.from('z'), modified },
    ],
  });
});
afterAll(() => dropbox.close());

const call = (route: string, body: unknown, token: string | null = 'live-token') =>
  fetch(`${dropbox.apiUrl}/2/${route}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(body),
  });

const download = (arg: unknown, token = 'live-token') =>
  fetch(`${dropbox.contentUrl}/2/files/download`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'dropbox-api-arg': JSON.stringify(arg) },
  });

type Answer = {
  readonly entries: readonly {
    readonly '.tag': string;
    readonly name: string;
    readonly path_display: string;
  }[];
  readonly cursor: string;
  readonly has_more: boolean;
  readonly error: { readonly '.tag': string; readonly path?: { readonly '.tag': string } };
};
const answerOf = async (response: Promise<Response> | Response) => (await (await response).json()) as Answer;

describe('the Dropbox stand-in', () => {
  it('names itself a stand-in in every answer', async () => {
    expect((await call('files/list_folder', { path: '' })).headers.get('server')).toContain('stand-in');
  });

  it('lists a folder over as many pages as its limit makes, each entry once', async () => {
    const first = await answerOf(call('files/list_folder', { path: '', limit: 2 }));
    expect(first.entries.map((entry) => entry.name)).toEqual(['Photos', 'readme.txt']);
    expect(first.entries[0]?.['.tag']).toBe('folder');
    expect(first.has_more).toBe(true);
    const second = await answerOf(call('files/list_folder/continue', { cursor: first.cursor }));
    expect(second.entries.map((entry) => entry.name)).toEqual(['zeta.txt']);
    expect(second.has_more).toBe(false);
    const third = await answerOf(call('files/list_folder/continue', { cursor: second.cursor }));
    expect(third).toMatchObject({ entries: [], has_more: false });
  });

  it('lists recursively, and finds folders in whatever case they are written', async () => {
    const all = await answerOf(call('files/list_folder', { path: '/PHOTOS', recursive: true }));
    expect(all.entries.map((entry) => entry.path_display)).toEqual([
      '/Photos/Tower.jpg',
      '/Photos/Trip',
      '/Photos/Trip/naïve ☕.txt',
    ]);
  });

  it('gives a file byte for byte, with its metadata in a header that is plain ASCII', async () => {
    const response = await download({ path: '/photos/tower.jpg' });
    expect(response.status).toBe(200);
    expect(Buffer.from(await response.arrayBuffer()).equals(picture)).toBe(true);
    const result = JSON.parse(response.headers.get('dropbox-api-result') ?? '');
    expect(result).toMatchObject({ name: 'Tower.jpg', size: picture.length });
    expect(result.content_hash).toBe(dropboxContentHash(picture));

    const accented = await fetch(`${dropbox.contentUrl}/2/files/download`, {
      method: 'POST',
      headers: {
        authorization: 'Bearer live-token',
        'dropbox-api-arg': '{"path":"/Photos/Trip/na\\u00efve \\u2615.txt"}',
      },
    });
    const raw = accented.headers.get('dropbox-api-result') ?? '';
    expect(raw).toMatch(/^[\x20-\x7e]+$/);
    expect(JSON.parse(raw).name).toBe('naïve ☕.txt');
  });

  it('hashes content by blocks of 4 MiB', () => {
    const sha = (bytes: Buffer) => createHash('sha256').update(bytes).digest();
    const bytes = Buffer.alloc(5 * 1024 * 1024, 7);
    const blocks = [bytes.subarray(0, 4 * 1024 * 1024), bytes.subarray(4 * 1024 * 1024)];
    expect(dropboxContentHash(bytes)).toBe(sha(Buffer.concat(blocks.map(sha))).toString('hex'));
  });

  it('tells who the account belongs to, so that a consent can be confirmed', async () => {
    const response = await call('users/get_current_account', null);
    expect(await response.json()).toMatchObject({
      account_id: 'dbid:AAH4',
      email: 'gavin@hooli.example',
      name: { display_name: 'Gavin Belson' },
    });
  });

  it('refuses a token that was alive and is not any more as expired, an unknown one as invalid', async () => {
    live.add('short-lived');
    expect((await call('files/list_folder', { path: '' }, 'short-lived')).status).toBe(200);
    live.delete('short-lived');
    const expired = await download({ path: '/readme.txt' }, 'short-lived');
    expect(expired.status).toBe(401);
    expect(await expired.json()).toEqual({
      error_summary: 'expired_access_token/...',
      error: { '.tag': 'expired_access_token' },
    });
    const unknown = await call('users/get_current_account', null, 'nobody-minted-this');
    expect(unknown.status).toBe(401);
    expect((await answerOf(unknown)).error).toEqual({ '.tag': 'invalid_access_token' });
  });

  it('refuses a call without a token with 400, as Dropbox does', async () => {
    const response = await call('files/list_folder', { path: '' }, null);
    expect(response.status).toBe(400);
    expect(await response.text()).toContain('Must provide HTTP header "Authorization"');
  });

  it.each([
    ['/nowhere', 'not_found'],
    ['/readme.txt', 'not_folder'],
  ])('refuses to list %s with 409 path/%s', async (path, reason) => {
    const response = await call('files/list_folder', { path });
    expect(response.status).toBe(409);
    expect(await response.json()).toEqual({
      error_summary: `path/${reason}/...`,
      error: { '.tag': 'path', path: { '.tag': reason } },
    });
  });

  it.each([
    ['/nowhere.jpg', 'not_found'],
    ['/Photos', 'not_file'],
  ])('refuses to download %s with 409 path/%s', async (path, reason) => {
    const response = await download({ path });
    expect(response.status).toBe(409);
    expect((await answerOf(response)).error.path?.['.tag']).toBe(reason);
  });

  it.each([
    [{ path: '/' }, 'empty string'],
    [{ path: 'photos' }, 'pattern'],
    [{ path: 7 }, 'expected string'],
    [{ path: '', limit: 0 }, 'limit'],
    [{ path: '', recursive: 'yes' }, 'recursive'],
  ])('refuses the argument %j with 400 and names the field', async (arg, word) => {
    const response = await call('files/list_folder', arg);
    expect(response.status).toBe(400);
    expect(await response.text()).toContain(word);
  });

  it('answers a cursor it did not give with 409 reset', async () => {
    const response = await call('files/list_folder/continue', { cursor: 'made-up' });
    expect(response.status).toBe(409);
    expect((await answerOf(response)).error).toEqual({ '.tag': 'reset' });
  });

  it('serves downloads on the content host only, and only by POST', async () => {
    expect((await call('files/download', {})).status).toBe(404);
    expect((await fetch(`${dropbox.apiUrl}/2/files/list_folder`)).status).toBe(404);
  });

  it('keeps a ledger of fingerprints, refusals and statuses, never of tokens', async () => {
    const before = dropbox.ledger.entries();
    await call('files/list_folder', { path: '/nowhere' });
    const entries = dropbox.ledger.entries();
    expect(entries.length).toBe(before.length + 1);
    expect(entries.at(-1)).toMatchObject({
      operation: 'POST',
      path: '/2/files/list_folder',
      status: 409,
      refusal: 'path/not_found',
      fingerprint: createHash('sha256').update('live-token').digest('hex').slice(0, 12),
    });
    expect(JSON.stringify(entries)).not.toMatch(/live-token|short-lived|nobody-minted/);
    expect(() => Object.assign(entries[0] ?? {}, { status: 200 })).toThrow(TypeError);
  });
});
