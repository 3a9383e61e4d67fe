// The Google Maps stand-in: reverse geocoding as https://developers.google.com/maps/documentation/geocoding documents it,
// over a small table of places. Refusals come with status 200 and a word in the body, which is the trap of the real one.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../src/kernel/clock.ts';
import { createLedger, fingerprint, type Ledger } from './ledger.ts';
import { type LoopbackAnswer, type LoopbackRequest, startLoopbackServer } from './loopback-server.ts';
import { distanceMetres, type Place, places } from './places.ts';

export type GoogleMapsStandIn = {
  /** Stands for https://maps.googleapis.com. */
  readonly url: string;
  readonly ledger: Ledger;
  /** From now on every request of a good key is over quota, or no longer. */
  readonly setOverQuota: (isOver: boolean) => void;
  readonly close: () => Promise<void>;
};

type Reply = {
  readonly http: number;
  readonly status: string;
  readonly problem?: string;
  readonly place?: Place;
};

/** Beyond this the nearest place of the table is not where the picture was taken. */
const reachMetres = 25_000;

export async function startGoogleMapsStandIn(options: {
  readonly clock: Clock;
  readonly apiKey: string;
}): Promise<GoogleMapsStandIn> {
  const ledger = createLedger(options.clock);
  let isOverQuota = false;
  const server = await startLoopbackServer({
    name: 'Latchkey Google Maps stand-in',
    maxBodyBytes: 64 * 1024,
    handle: (request) => {
      const query = new URLSearchParams(request.query);
      const reply = answer(request, query, options.apiKey, isOverQuota);
      const key = query.get('key');
      ledger.record({
        operation: request.method,
        path: request.path,
        fingerprint: key === null ? null : fingerprint(key),
        status: reply.http,
        refusal: reply.status === 'OK' ? null : reply.status,
      });
      return toJson(reply);
    },
  });
  return {
    url: server.url,
    ledger,
    setOverQuota: (isOver) => {
      isOverQuota = isOver;
    },
    close: server.close,
  };
}

function answer(
  request: LoopbackRequest,
  query: URLSearchParams,
  apiKey: string,
  isOverQuota: boolean,
): Reply {
  if (request.path !== '/maps/api/geocode/json') return { http: 404, status: 'NOT_FOUND' };
  if (request.method !== 'GET') return { http: 405, status: 'METHOD_NOT_ALLOWED' };
  const key = query.get('key') ?? '';
  if (key === '') {
    return denied('You must use an API key to authenticate each request to Google Maps Platform APIs.');
  }
  if (!isSame(key, apiKey)) return denied('The provided API key is invalid.');
  if (isOverQuota) {
    const problem = 'You have exceeded your daily request quota for this API.';
    return { http: 200, status: 'OVER_QUERY_LIMIT', problem };
  }
  const latlng = query.get('latlng');
  if (latlng === null) {
    const problem = "Invalid request. Missing the 'address', 'components', 'latlng' or 'place_id' parameter.";
    return { http: 400, status: 'INVALID_REQUEST', problem };
  }
  const point = pointOf(latlng);
  if (point === null) {
    return { http: 400, status: 'INVALID_REQUEST', problem: "Invalid request. Invalid 'latlng' parameter." };
  }
  const near = places
    .map((place) => ({ place, metres: distanceMetres(place, point) }))
    .sort((a, b) => a.metres - b.metres)[0];
  if (near === undefined || near.metres > reachMetres) return { http: 200, status: 'ZERO_RESULTS' };
  return { http: 200, status: 'OK', place: near.place };
}

function denied(problem: string): Reply {
  return { http: 200, status: 'REQUEST_DENIED', problem };
}

function isSame(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text, 'utf8').digest();
  return timingSafeEqual(digest(given), digest(expected));
}

function pointOf(latlng: string): { latitude: number; longitude: number } | null {
  const parts = /^(-?\d+(?:\.\d+)?),\s*(-?\d+(?:\.\d+)?)$/.exec(latlng.trim());
  if (parts === null) return null;
  const [latitude, longitude] = [Number(parts[1]), Number(parts[2])];
  return Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180 ? { latitude, longitude } : null;
}

function toJson(reply: Reply): LoopbackAnswer {
  const problem = reply.problem === undefined ? {} : { error_message: reply.problem };
  const results = reply.place === undefined ? [] : [resultOf(reply.place)];
  return {
    status: reply.http,
    headers: { 'content-type': 'application/json; charset=UTF-8' },
    body: `${JSON.stringify({ ...problem, results, status: reply.status }, null, 3)}\n`,
  };
}

function resultOf(place: Place) {
  const { latitude: lat, longitude: lng } = place;
  const span = 0.00135;
  return {
    address_components: place.components.map(([long, short, ...types]) => ({
      long_name: long,
      short_name: short,
      types,
    })),
    formatted_address: place.address,
    geometry: {
      location: { lat, lng },
      location_type: 'ROOFTOP',
      viewport: {
        northeast: { lat: lat + span, lng: lng + span },
        southwest: { lat: lat - span, lng: lng - span },
      },
    },
    place_id: `stand-in-${createHash('sha256').update(place.address).digest('base64url').slice(0, 18)}`,
    types: ['street_address'],
  };
}
