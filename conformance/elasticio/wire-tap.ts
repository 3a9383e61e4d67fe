// Stands between a client and a server, changes nothing and notes what went over the wire: outside evidence of the calls.
import { request as ask, createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type WireTap = {
  readonly url: string;
  readonly close: () => Promise<void>;
};

/** An answer in place of the server's, or null to let the request through. */
type Instead = (method: string, path: string) => unknown;

/** Each exchange is noted in `journal` once it is answered, as `GET secrets/1 200` when `name` makes `secrets/1` of its path. */
export async function openWireTap(options: {
  readonly target: string;
  readonly journal: string[];
  readonly name: (path: string) => string;
  readonly instead?: Instead;
}): Promise<WireTap> {
  const { target, journal, name, instead = () => null } = options;
  const server = createServer((request, response) => {
    const { method = '', url = '' } = request;
    response.once('finish', () => journal.push(`${method} ${name(url)} ${response.statusCode}`));
    const own = instead(method, url);
    if (own === null) return passOn(new URL(url, target), request, response);
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(own));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function passOn(to: URL, request: IncomingMessage, response: ServerResponse): void {
  const onward = ask(to, { method: request.method, headers: { ...request.headers, host: to.host } });
  onward.on('response', (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  // The client sees what it would see without us: a connection that breaks.
  onward.on('error', () => response.destroy());
  request.pipe(onward);
}
