// A component of the first generation, as the bundles of that time look from outside: no connections of its own,
// but `authorization` with the connection types that it takes, and `context.credential` at run time.

const timeoutMs = 60_000;
const maxBodyBytes = 30 * 1024 * 1024;

/** The header that a credential stands for; null without one. */
function authorizationHeader(credential) {
  if (!credential) return null;
  const { authorizationMethod, fields, token } = credential;
  switch (authorizationMethod) {
    case 'basic': {
      const pair = Buffer.from(`${fields.username}:${fields.password}`, 'utf8').toString('base64');
      return `Basic ${pair}`;
    }
    case 'api_key':
      return `Bearer ${fields.api_key}`;
    case 'oauth2':
      if (!token?.access_token) throw new Error('The credential is not authorized yet.');
      return `Bearer ${token.access_token}`;
    default:
      throw new Error(`Credentials of the kind "${authorizationMethod}" are of no use here.`);
  }
}

async function call(context, method, { url, body, contentType }) {
  const header = authorizationHeader(context.credential);
  const response = await fetch(url, {
    method,
    headers: {
      ...(header === null ? {} : { authorization: header }),
      ...(body === undefined ? {} : { 'content-type': contentType || 'application/json' }),
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    // A redirect could carry the credential to somebody else.
    redirect: 'manual',
    signal: AbortSignal.timeout(timeoutMs),
  });
  context.logger.info(`${method} answered with status ${response.status}.`);
  if (response.status >= 300) throw new Error(`${method} answered with status ${response.status}.`);
  const data = Buffer.from(await response.arrayBuffer());
  if (data.length > maxBodyBytes)
    throw new Error(`The answer has ${data.length} bytes: too many for a step.`);
  const type = response.headers.get('content-type') ?? 'application/octet-stream';
  return {
    data: type.startsWith('application/json') ? JSON.parse(data.toString('utf8')) : data,
    contentType: type,
  };
}

const url = { key: 'url', label: 'URL', type: 'string', required: true, comments: 'The address to call' };

module.exports.default = {
  key: 'legacy-http',
  version: '1.0.0',
  authorization: { required: false, methods: ['basic', 'api_key', 'oauth2'] },
  display: {
    label: 'HTTP (first generation)',
    description: 'Call an HTTP endpoint with a stored credential',
    iconPath: 'icon.png',
  },
  actions: {
    httpGet: {
      key: 'httpGet',
      display: { label: 'GET', description: 'Fetch what an address holds' },
      inputs: [url],
      perform: (context, { url: address }) => call(context, 'GET', { url: address }),
    },
    httpPost: {
      key: 'httpPost',
      display: { label: 'POST', description: 'Send a body to an address' },
      inputs: [
        url,
        { key: 'body', label: 'Body', type: 'data', required: true, comments: 'Text or JSON' },
        {
          key: 'contentType',
          label: 'Content type',
          type: 'string',
          required: false,
          default: 'application/json',
        },
      ],
      perform: (context, { url: address, body, contentType }) =>
        call(context, 'POST', { url: address, body: body ?? '', contentType }),
    },
  },
  triggers: {},
};
