import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/kernel/clock.ts';
import { type GoogleMapsStandIn, startGoogleMapsStandIn } from './google-maps-stand-in.ts';

let maps: GoogleMapsStandIn;
beforeAll(async () => {
  maps = await startGoogleMapsStandIn({ clock: systemClock, apiKey: 'AIzaGoodKey' });
});
afterAll(() => maps.close());

const geocode = (parameters: Record<string, string>) =>
  fetch(`${maps.url}/maps/api/geocode/json?${new URLSearchParams(parameters)}`);
type Answer = {
  readonly status: string;
  readonly error_message?: string;
  readonly results: readonly {
    readonly formatted_address: string;
    readonly geometry: { readonly location: { readonly lat: number } };
  }[];
};
const answerOf = async (response: Response) => (await response.json()) as Answer;
const paris = '48.85837,2.294481';

describe('the Google Maps stand-in', () => {
  it('names itself a stand-in in every answer', async () => {
    expect((await geocode({})).headers.get('server')).toContain('stand-in');
  });

  it.each([
    [paris, '5 Avenue Anatole France, 75007 Paris, France'],
    ['48.8610,2.3360', 'Rue de Rivoli, 75001 Paris, France'],
    ['40.75,-73.98', '20 W 34th St, New York, NY 10001, USA'],
    ['-33.86,151.21', 'Bennelong Point, Sydney NSW 2000, Australia'],
  ])('answers %s with the nearest address', async (latlng, address) => {
    const response = await geocode({ latlng, key: 'AIzaGoodKey' });
    expect(response.status).toBe(200);
    const body = await answerOf(response);
    expect(body.status).toBe('OK');
    expect(body).not.toHaveProperty('error_message');
    expect(body.results[0]?.formatted_address).toBe(address);
    expect(body.results[0]?.geometry.location.lat).toBeTypeOf('number');
  });

  it('finds nothing in the middle of the Atlantic', async () => {
    const body = await (await geocode({ latlng: '30,-40', key: 'AIzaGoodKey' })).json();
    expect(body).toEqual({ results: [], status: 'ZERO_RESULTS' });
  });

  it.each([
    [{ latlng: paris }, 'You must use an API key'],
    [{ latlng: paris, key: 'AIzaWrongKey' }, 'The provided API key is invalid.'],
  ])('denies %j with status 200 and REQUEST_DENIED in the body', async (parameters, problem) => {
    const response = await geocode(parameters as Record<string, string>);
    expect(response.status).toBe(200);
    const body = await answerOf(response);
    expect(body).toMatchObject({ results: [], status: 'REQUEST_DENIED' });
    expect(body.error_message).toContain(problem);
  });

  it.each([{}, { latlng: 'here' }, { latlng: '91,0' }, { latlng: '1,2,3' }])(
    'answers the bad request %j with 400 INVALID_REQUEST',
    async (parameters) => {
      const response = await geocode({ key: 'AIzaGoodKey', ...parameters });
      expect(response.status).toBe(400);
      expect((await answerOf(response)).status).toBe('INVALID_REQUEST');
    },
  );

  it('is over quota when told so, and only while told so', async () => {
    maps.setOverQuota(true);
    const over = await (await geocode({ latlng: paris, key: 'AIzaGoodKey' })).json();
    expect(over).toMatchObject({ results: [], status: 'OVER_QUERY_LIMIT' });
    maps.setOverQuota(false);
    expect((await answerOf(await geocode({ latlng: paris, key: 'AIzaGoodKey' }))).status).toBe('OK');
  });

  it('keeps keys and query strings out of its ledger', async () => {
    await geocode({ latlng: paris, key: 'AIzaWrongKey' });
    const entries = maps.ledger.entries();
    expect(entries.at(-1)).toMatchObject({ path: '/maps/api/geocode/json', refusal: 'REQUEST_DENIED' });
    expect(JSON.stringify(entries)).not.toMatch(/AIza|latlng/);
  });
});
