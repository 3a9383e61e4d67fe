import { expect, test } from 'vitest';
import { dataOf, setUpBench } from '../../testing/bench';
import { asHeaderJson } from './download-file';
import { asDropboxPath } from './request';

const { run, standIn } = setUpBench('dropbox');
const connection = {
  key: 'oauth2',
  configVarKey: 'Dropbox',
  fields: { clientId: 'app', clientSecret: 'app-secret' },
  token: { access_token: 'sl.planted-token', token_type: 'bearer' },
};
const entry = (name: string): object => ({ '.tag': 'file', name, path_lower: `/photos/${name}`, size: 3 });

test('a folder is listed across all cursors, with the token as bearer', async () => {
  const dropbox = await standIn(({ url }) =>
    url.pathname.endsWith('/continue')
      ? { body: { entries: [entry('c.jpg')], cursor: 'second', has_more: false } }
      : { body: { entries: [entry('a.jpg'), entry('b.jpg')], cursor: 'first', has_more: true } },
  );
  const outcome = await run('listFolder', { connection, path: '/photos/', apiUrl: dropbox.url });
  expect(dataOf(outcome)).toEqual({
    entries: [entry('a.jpg'), entry('b.jpg'), entry('c.jpg')],
    hasMore: false,
  });
  const [first, second] = dropbox.requests;
  expect(first?.url.pathname).toBe('/2/files/list_folder');
  expect(first?.headers.authorization).toBe('Bearer sl.planted-token');
  expect(JSON.parse(String(first?.body))).toMatchObject({ path: '/photos', recursive: false });
  expect(second?.url.pathname).toBe('/2/files/list_folder/continue');
  expect(JSON.parse(String(second?.body))).toEqual({ cursor: 'first' });
});

test('a listing ends at the limit and says that there is more', async () => {
  const dropbox = await standIn(() => ({
    body: { entries: [entry('a.jpg'), entry('b.jpg')], cursor: 'endless', has_more: true },
  }));
  const outcome = await run('listFolder', { connection, limit: '3', apiUrl: dropbox.url });
  expect(dataOf(outcome)).toMatchObject({ entries: { length: 3 }, hasMore: true });
});

test('a file is downloaded byte for byte, its name safe inside a header', async () => {
  const bytes = Buffer.from([0xff, 0xd8, 0, 1, 2, 0xff, 0xd9]);
  const dropbox = await standIn(() => ({ headers: { 'content-type': 'image/jpeg' }, body: bytes }));
  const outcome = await run('downloadFile', {
    connection,
    path: 'Fotos/Brücke.jpg',
    contentUrl: dropbox.url,
  });
  expect(outcome).toMatchObject({ kind: 'ok', result: { data: bytes, contentType: 'image/jpeg' } });
  expect(dropbox.requests[0]?.headers['dropbox-api-arg']).toBe('{"path":"/Fotos/Br\\u00fccke.jpg"}');
});

test.each([401, 403])('status %i is a connection error', async (status) => {
  const dropbox = await standIn(() => ({ status, body: { error_summary: 'expired_access_token/..' } }));
  for (const [action, url] of [
    ['listFolder', { apiUrl: dropbox.url }],
    ['downloadFile', { contentUrl: dropbox.url, path: '/a' }],
  ] as const) {
    expect(await run(action, { connection, ...url })).toMatchObject({
      kind: 'error',
      isConnectionError: true,
      connection: { key: 'oauth2', configVarKey: 'Dropbox' },
      message: expect.stringContaining('expired_access_token'),
    });
  }
});

test('a missing file, a rate limit and a broken service are errors of the step, not of the connection', async () => {
  const answers = [
    { status: 409, body: { error_summary: 'path/not_found/..' } },
    { status: 429, headers: { 'retry-after': '7' }, body: {} },
    { status: 500, body: 'internal' },
  ];
  const dropbox = await standIn(() => answers.shift() ?? { status: 418, body: '' });
  for (const words of ['path/not_found', 'Try again in 7 s', 'status 500: internal']) {
    expect(await run('downloadFile', { connection, path: '/a', contentUrl: dropbox.url })).toMatchObject({
      kind: 'error',
      isConnectionError: false,
      message: expect.stringContaining(words),
    });
  }
});

test('without a token the connection is at fault before anything is sent', async () => {
  const outcome = await run('listFolder', { connection: { ...connection, token: undefined } });
  expect(outcome).toMatchObject({ kind: 'error', isConnectionError: true });
});

test('paths are written as Dropbox wants them', () => {
  expect(['', '/', 'a/b', '/a/', 'id:4f2'].map(asDropboxPath)).toEqual(['', '', '/a/b', '/a', 'id:4f2']);
  expect(asHeaderJson({ path: '\u{1f600}\u007f' })).toBe('{"path":"\\ud83d\\ude00\\u007f"}');
});
