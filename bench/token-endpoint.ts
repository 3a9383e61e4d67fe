// A stand-in for a provider's token endpoint, as light as can be: answers each refresh after a fixed time with new tokens,
// takes each refresh token once, and counts. GET /count tells requests, and refusals (a token that came twice).
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { latency: { type: 'string', default: '200' } } });
const latencyMs = Number(values.latency);
const spent = new Set<string>();
let requests = 0;
let refused = 0;

const server = createServer((request, response) => {
  if (request.method === 'GET') {
    response.end(JSON.stringify({ requests, refused }));
    return;
  }
  let body = '';
  request.setEncoding('utf8').on('data', (chunk) => {
    body += chunk;
  });
  request.on('end', () => {
    requests += 1;
    const presented = new URLSearchParams(body).get('refresh_token') ?? '';
    const isKnown = spent.has(presented);
    spent.add(presented);
    if (isKnown) refused += 1;
    const answer = isKnown
      ? { error: 'invalid_grant' }
      : {
          access_token: `access.${requests}.${'0123456789abcdef'.repeat(4)}`,
          refresh_token: `refresh.${requests}.${'0123456789abcdef'.repeat(4)}`,
          token_type: 'Bearer',
          expires_in: 3_600,
        };
    setTimeout(() => {
      response.writeHead(isKnown ? 400 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(answer));
    }, latencyMs);
  });
});
server.listen({ host: '127.0.0.1', port: 0 }, () => {
  const address = server.address();
  console.log(`ready at http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`);
});
process.once('SIGTERM', () => {
  server.closeAllConnections();
  server.close();
});
