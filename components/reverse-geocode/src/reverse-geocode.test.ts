import { expect, test } from 'vitest';
import { dataOf, setUpBench } from '../../testing/bench';
import { makePhoto } from '../../testing/photo';

const { run, standIn } = setUpBench('reverse-geocode');
const connection = { key: 'apiKey', configVarKey: 'Google Maps', fields: { apiKey: 'planted-maps-key' } };
const bridge = { latitude: 37.8199, longitude: -122.4783 };
const found = {
  status: 'OK',
  results: [
    { formatted_address: 'Golden Gate Bridge, San Francisco', place_id: 'ChIJ', address_components: [] },
  ],
};

test('the position of the photo is read and its address asked for, with the key', async () => {
  const maps = await standIn(() => ({ body: found }));
  const photo = { data: makePhoto(bridge), contentType: 'image/jpeg' };
  const outcome = await run('reverseGeocodePhoto', { connection, photo, language: 'en', baseUrl: maps.url });
  expect(dataOf(outcome)).toEqual({
    latitude: expect.closeTo(bridge.latitude, 6),
    longitude: expect.closeTo(bridge.longitude, 6),
    address: 'Golden Gate Bridge, San Francisco',
    placeId: 'ChIJ',
    components: [],
  });
  const query = maps.requests[0]?.url.searchParams;
  expect(query?.get('key')).toBe('planted-maps-key');
  expect(query?.get('language')).toBe('en');
  expect(query?.get('latlng')).toMatch(/^37\.8199\d*,-122\.4783\d*$/);
});

test.each([
  ['REQUEST_DENIED', true, 'refused the key'],
  ['OVER_DAILY_LIMIT', true, 'not in order'],
  ['OVER_QUERY_LIMIT', false, 'quota'],
  ['ZERO_RESULTS', false, 'knows no address'],
  ['UNKNOWN_ERROR', false, 'UNKNOWN_ERROR'],
])('the answer %s is told in words (connection error: %s)', async (status, isConnectionError, words) => {
  const maps = await standIn(() => ({ body: { status, error_message: 'key planted-maps-key is bad' } }));
  const outcome = await run('reverseGeocodePhoto', {
    connection,
    photo: makePhoto(bridge),
    baseUrl: maps.url,
  });
  expect(outcome).toMatchObject({
    kind: 'error',
    isConnectionError,
    message: expect.stringContaining(words),
  });
  expect(JSON.stringify(outcome)).not.toContain('planted-maps-key');
});

test('a photo without a position, and a file that is no photo, are refused before anything is asked', async () => {
  const maps = await standIn(() => ({ body: found }));
  for (const [photo, words] of [
    [makePhoto(null), 'holds no GPS position'],
    [Buffer.from('no photo at all'), 'in no format'],
    [Buffer.alloc(0), 'is empty'],
  ] as const) {
    expect(await run('reverseGeocodePhoto', { connection, photo, baseUrl: maps.url })).toMatchObject({
      kind: 'error',
      isConnectionError: false,
      message: expect.stringContaining(words),
    });
  }
  expect(maps.requests).toEqual([]);
});
