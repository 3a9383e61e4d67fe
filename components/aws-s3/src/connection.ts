// An access key pair, and the client made from it.
import { S3Client } from '@aws-sdk/client-s3';
import { type Connection, ConnectionError, connection, input, util } from '@prismatic-io/spectral';

export const accessKey = connection({
  key: 'apiKeySecret',
  display: { label: 'Access key', description: 'Access key id and secret access key of an AWS user' },
  inputs: {
    accessKeyId: { label: 'Access key id', type: 'string', required: true },
    secretAccessKey: { label: 'Secret access key', type: 'password', required: true },
  },
});

/** Inputs that every action takes. */
export const place = {
  connection: input({ label: 'Connection', type: 'connection', required: true }),
  bucket: input({ label: 'Bucket', type: 'string', required: true, clean: util.types.toString }),
  region: input({
    label: 'Region',
    type: 'string',
    required: false,
    default: 'us-east-1',
    clean: (value) => util.types.toString(value) || 'us-east-1',
  }),
  endpoint: input({
    label: 'Endpoint',
    type: 'string',
    required: false,
    comments: 'Only for services other than AWS',
    example: 'https://minio.example.com',
    clean: util.types.toString,
  }),
  forcePathStyle: input({
    label: 'Path style',
    type: 'boolean',
    required: false,
    comments: 'Address buckets by path instead of host name; many services other than AWS need this',
    clean: util.types.toBool,
  }),
};

type Place = { readonly region: string; readonly endpoint: string; readonly forcePathStyle: boolean };

/** Runs `use` with a client that is closed afterwards, and tells refused keys from other errors. */
export async function withClient<T>(
  credentials: Connection,
  { region, endpoint, forcePathStyle }: Place,
  use: (client: S3Client) => Promise<T>,
): Promise<T> {
  const accessKeyId = util.types.toString(credentials.fields.accessKeyId);
  const secretAccessKey = util.types.toString(credentials.fields.secretAccessKey);
  if (accessKeyId === '' || secretAccessKey === '') {
    throw new ConnectionError(credentials, 'The connection lacks an access key id or a secret access key.');
  }
  const client = new S3Client({
    region,
    forcePathStyle,
    credentials: { accessKeyId, secretAccessKey },
    maxAttempts: 3,
    // Other services than AWS often know none of the newer checksums.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    ...(endpoint === '' ? {} : { endpoint }),
  });
  try {
    return await use(client);
  } catch (error) {
    throw explain(error, credentials);
  } finally {
    client.destroy();
  }
}

// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
const keyFaults = new Set([
  'AccessDenied',
  'AccountProblem',
  'AuthorizationHeaderMalformed',
  'ExpiredToken',
  'InvalidAccessKeyId',
  'InvalidSecurity',
  'InvalidToken',
  'SignatureDoesNotMatch',
]);

function explain(error: unknown, credentials: Connection): unknown {
  if (!(error instanceof Error)) return error;
  if (keyFaults.has(error.name)) {
    return new ConnectionError(credentials, `S3 refused the access key (${error.name}): ${error.message}`);
  }
  // A HEAD-like answer has no body to take a message from; the SDK then says "UnknownError".
  return error.message === '' || error.message === 'UnknownError'
    ? new Error(`S3 answered ${error.name}.`)
    : error;
}
