// Google's Geocoding API, backwards: https://developers.google.com/maps/documentation/geocoding/requests-reverse-geocoding
import { type Connection, ConnectionError } from '@prismatic-io/spectral';
import type { Position } from './read-position';

export type Address = {
  readonly address: string;
  readonly placeId: string;
  readonly components: readonly unknown[];
};

type Answer = {
  readonly status: string;
  readonly error_message?: string;
  readonly results?: readonly {
    readonly formatted_address: string;
    readonly place_id: string;
    readonly address_components: readonly unknown[];
  }[];
};

export async function findAddress(
  connection: Connection,
  query: { readonly position: Position; readonly language: string; readonly baseUrl: string },
): Promise<Address> {
  const key = connection.fields.apiKey;
  if (typeof key !== 'string' || key === '') {
    throw new ConnectionError(connection, 'The connection holds no API key.');
  }
  const { latitude, longitude } = query.position;
  const url = new URL('/maps/api/geocode/json', query.baseUrl);
  url.searchParams.set('latlng', `${latitude},${longitude}`);
  url.searchParams.set('key', key);
  if (query.language !== '') url.searchParams.set('language', query.language);
  const answer = await ask(connection, url);
  const [best] = answer.results ?? [];
  if (answer.status === 'OK' && best !== undefined) {
    return {
      address: best.formatted_address,
      placeId: best.place_id,
      components: best.address_components,
    };
  }
  return refuse(connection, answer);
}

async function ask(connection: Connection, url: URL): Promise<Answer> {
  const response = await fetch(url, { signal: AbortSignal.timeout(30_000), redirect: 'error' });
  if (response.status === 401 || response.status === 403) {
    throw new ConnectionError(connection, `Google Maps refused the key (status ${response.status}).`);
  }
  const answer: unknown = response.ok ? await response.json().catch(() => null) : null;
  if (typeof answer !== 'object' || answer === null || !('status' in answer)) {
    throw new Error(`Google Maps gave no answer that can be read (status ${response.status}).`);
  }
  return answer as Answer;
}

/** The statuses are those of the API's reference; refusals arrive with HTTP status 200. */
function refuse(connection: Connection, answer: Answer): never {
  const reason = answer.error_message ?? 'no reason given';
  switch (answer.status) {
    case 'OK':
    case 'ZERO_RESULTS':
      throw new Error('Google Maps knows no address at the position of the photo.');
    case 'REQUEST_DENIED':
      throw new ConnectionError(connection, `Google Maps refused the key: ${reason}`);
    case 'OVER_DAILY_LIMIT':
      throw new ConnectionError(connection, `The Google Maps account is not in order: ${reason}`);
    case 'OVER_QUERY_LIMIT':
      throw new Error(`The quota of the Google Maps key is used up: ${reason}`);
    default:
      throw new Error(`Google Maps answered ${answer.status}: ${reason}`);
  }
}
