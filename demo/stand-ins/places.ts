// The places that the Google Maps stand-in knows: public landmarks and their published addresses.

export type Place = {
  readonly latitude: number;
  readonly longitude: number;
  readonly address: string;
  readonly components: readonly (readonly [long: string, short: string, ...types: string[]])[];
};

export const places: readonly Place[] = [
  {
    latitude: 48.8582599,
    longitude: 2.2945006,
    address: '5 Avenue Anatole France, 75007 Paris, France',
    components: [
      ['5', '5', 'street_number'],
      ['Avenue Anatole France', 'Av. Anatole France', 'route'],
      ['Paris', 'Paris', 'locality', 'political'],
      ['France', 'FR', 'country', 'political'],
      ['75007', '75007', 'postal_code'],
    ],
  },
  {
    latitude: 48.8606111,
    longitude: 2.337644,
    address: 'Rue de Rivoli, 75001 Paris, France',
    components: [
      ['Rue de Rivoli', 'Rue de Rivoli', 'route'],
      ['Paris', 'Paris', 'locality', 'political'],
      ['France', 'FR', 'country', 'political'],
      ['75001', '75001', 'postal_code'],
    ],
  },
  {
    latitude: 40.7484405,
    longitude: -73.9856644,
    address: '20 W 34th St, New York, NY 10001, USA',
    components: [
      ['20', '20', 'street_number'],
      ['West 34th Street', 'W 34th St', 'route'],
      ['New York', 'New York', 'locality', 'political'],
      ['New York', 'NY', 'administrative_area_level_1', 'political'],
      ['United States', 'US', 'country', 'political'],
      ['10001', '10001', 'postal_code'],
    ],
  },
  {
    latitude: -33.8567844,
    longitude: 151.2152967,
    address: 'Bennelong Point, Sydney NSW 2000, Australia',
    components: [
      ['Bennelong Point', 'Bennelong Point', 'natural_feature'],
      ['Sydney', 'Sydney', 'locality', 'political'],
      ['New South Wales', 'NSW', 'administrative_area_level_1', 'political'],
      ['Australia', 'AU', 'country', 'political'],
      ['2000', '2000', 'postal_code'],
    ],
  },
];

type Point = { readonly latitude: number; readonly longitude: number };

/** Great-circle distance on a sphere of the Earth's mean radius: exact enough to choose the nearest landmark. */
export function distanceMetres(a: Point, b: Point): number {
  const radians = (degrees: number) => (degrees * Math.PI) / 180;
  const latitudes = Math.sin(radians(b.latitude - a.latitude) / 2) ** 2;
  const longitudes = Math.sin(radians(b.longitude - a.longitude) / 2) ** 2;
  const h = latitudes + Math.cos(radians(a.latitude)) * Math.cos(radians(b.latitude)) * longitudes;
  return 2 * 6_371_009 * Math.asin(Math.min(1, Math.sqrt(h)));
}
