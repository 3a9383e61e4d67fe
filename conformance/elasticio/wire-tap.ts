// Stands between a client and a server, changes nothing and notes what goes over the wire: outside evidence of the calls.
import { request as ask, createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type WireTap = {
  readonly url: string;
  readonly close: () => Promise<void>;
};

export async function openWireTap(options: {
  readonly target: string;
  /**
   * Each answer is noted before the client has it, so that whatever it does next comes after: as `GET thing/1 200` when `name`
   * makes `thing/1` of the path.
   */
  readonly journal: string[];
  readonly name: (path: string) => string;
  /** Keeps a request back as long as it likes. */
  readonly hold?: (method: string, path: string) => Promise<void>;
  /** Hears each line of the journal as it is written. */
  readonly listen?: (line: string) => void;
}): Promise<WireTap> {
  const { target, journal, name, hold = async () => {}, listen = () => {} } = options;
  const server = createServer(async (request, response) => {
    const { method = '', url = '' } = request;
    const note = (status: number) => {
      const line = `${method} ${name(url)} ${status}`;
      journal.push(line);
      listen(line);
    };
    await hold(method, url);
    passOn(new URL(url, target), request, response, note);
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

function passOn(
  to: URL,
  request: IncomingMessage,
  response: ServerResponse,
  note: (status: number) => void,
): void {
  const onward = ask(to, { method: request.method, headers: { ...request.headers, host: to.host } });
  onward.on('response', (answer) => {
    const status = answer.statusCode ?? 502;
    note(status);
    response.writeHead(status, answer.headers);
    answer.pipe(response);
  });
  // The client sees what it would see without us: a connection that breaks.
  onward.on('error', () => response.destroy());
  request.pipe(onward);
}
