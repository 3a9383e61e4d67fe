// A component for tests of the runner, as bundles look from outside: each action does one thing that a test watches.
// It is written as a finished bundle, so that tests need no build.

const bundle = `
const connectionError = (connection, message) =>
  Object.assign(new Error(message), { name: 'ConnectionError', isSpectralError: true, connection });
const headerOf = (connection) =>
  'Bearer ' + (connection.token ? connection.token.access_token : connection.fields.apiKey);
const call = async (url, connection) => {
  const response = await fetch(url, { headers: connection ? { authorization: headerOf(connection) } : {} });
  if (response.status === 401 || response.status === 403) {
    throw connectionError(connection, 'The service refused ' + headerOf(connection) + ' (' + response.status + ').');
  }
  if (response.status !== 200) throw new Error('The service answered ' + response.status + '.');
  return await response.json();
};
const text = (key, required = false) => ({ key, label: key, type: 'string', required });
const connection = { key: 'connection', label: 'Connection', type: 'connection', required: false };
const action = (key, inputs, perform) => ({ key, display: { label: key, description: key }, inputs, perform });
module.exports = {
  key: 'probe',
  display: { label: 'Probe', description: 'Does what a test wants' },
  connections: [
    {
      key: 'apiKey',
      label: 'API key',
      inputs: [
        { key: 'apiKey', label: 'Key', type: 'string', required: true },
        { key: 'region', label: 'Region', type: 'string', required: false, shown: false, default: 'eu' },
      ],
    },
    {
      key: 'oauth2',
      label: 'OAuth',
      oauth2Type: 'authorization_code',
      oauth2PkceMethod: 'S256',
      inputs: [
        { key: 'authorizeUrl', label: 'Authorize URL', type: 'string', required: true, shown: false, default: 'https://service.example/authorize' },
        { key: 'tokenUrl', label: 'Token URL', type: 'string', required: true, shown: false, default: 'https://service.example/token' },
        { key: 'scopes', label: 'Scopes', type: 'string', required: false },
        { key: 'clientId', label: 'Client id', type: 'string', required: true },
        { key: 'clientSecret', label: 'Client secret', type: 'password', required: true },
      ],
    },
  ],
  actions: {
    echo: action('echo', [{ key: 'value', label: 'Value', type: 'string' }, { ...text('mode'), default: 'plain' }], async (context, params) => ({ data: params })),
    look: action('look', [connection], async (context, params) => {
      const { logger, ...rest } = context;
      return { data: { context: rest, params } };
    }),
    call: action('call', [text('url', true), connection], async (context, params) => {
      context.logger.info('calling with ' + (params.connection ? headerOf(params.connection) : 'nothing'));
      return { data: await call(params.url, params.connection) };
    }),
    file: action('file', [], async () => ({ data: Buffer.from([0, 1, 254, 255]), contentType: 'application/x-bytes' })),
    count: action('count', [], async (context) => {
      context.instanceState.count = (context.instanceState.count || 0) + 1;
      context.crossFlowState.total = (context.crossFlowState.total || 0) + 1;
      context.executionState.seen = (context.executionState.seen || 0) + 1;
      return { data: { flow: context.instanceState.count, instance: context.crossFlowState.total, execution: context.executionState.seen } };
    }),
    legacy: action('legacy', [text('url', true)], async (context, params) => ({
      data: { credential: context.credential, answer: await call(params.url, null) },
    })),
    fail: action('fail', [text('message')], async (context, params) => {
      throw new Error(params.message || 'It failed.');
    }),
    crash: action('crash', [], async () => process.exit(3)),
    hang: action('hang', [], () => new Promise(() => {})),
  },
};
`;

export const probeBundle = Buffer.from(bundle, 'utf8');
