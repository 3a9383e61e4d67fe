// The component of a photo's journey: where was it taken, and what is the address there?
import { action, component, connection, input, util } from '@prismatic-io/spectral';
import { findAddress } from './find-address';
import { readPosition } from './read-position';

const googleMaps = 'https://maps.googleapis.com';

const apiKey = connection({
  key: 'apiKey',
  display: { label: 'API key', description: 'A Google Maps Platform key that may use the Geocoding API' },
  inputs: { apiKey: { label: 'API key', type: 'password', required: true } },
});

const reverseGeocodePhoto = action({
  display: {
    label: 'Reverse geocode photo',
    description: 'Read the GPS position of a photo and find the address there',
  },
  inputs: {
    connection: input({ label: 'Connection', type: 'connection', required: true }),
    photo: input({
      label: 'Photo',
      type: 'data',
      required: true,
      comments: 'A JPEG, HEIC, PNG or TIFF with EXIF data, usually the result of an earlier step',
      clean: (value) => util.types.toBufferDataPayload(value).data,
    }),
    language: input({
      label: 'Language',
      type: 'string',
      required: false,
      comments: 'Language of the address',
      example: 'en',
      clean: (value) => util.types.toString(value),
    }),
    baseUrl: input({
      label: 'Base URL',
      type: 'string',
      required: false,
      comments: 'Base of the Geocoding API; change it only to use a stand-in',
      default: googleMaps,
      clean: (value) => util.types.toString(value).replace(/\/+$/, '') || googleMaps,
    }),
  },
  perform: async (context, { connection: credentials, photo, language, baseUrl }) => {
    const position = await readPosition(photo);
    context.logger.info(`The photo was taken at ${position.latitude}, ${position.longitude}.`);
    return { data: { ...position, ...(await findAddress(credentials, { position, language, baseUrl })) } };
  },
});

export default component({
  key: 'reverse-geocode',
  display: {
    label: 'Reverse geocode',
    description: 'Find the address at which a photo was taken',
    category: 'Data Platforms',
    iconPath: 'icon.png',
  },
  actions: { reverseGeocodePhoto },
  connections: [apiKey],
});
