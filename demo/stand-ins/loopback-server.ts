// The HTTP ground under the stand-ins: loopback only, whole bodies, raw targets and headers as they came over the wire.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type LoopbackRequest = {
  readonly method: string;
  /** Still percent-encoded: a signature is computed over these bytes. */
  readonly path: string;
  readonly query: string;
  /** Names in lower case, in order, repeated ones repeated. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
};

export type LoopbackAnswer = {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
};

export type LoopbackServer = { readonly url: string; readonly close: () => Promise<void> };

export type LoopbackOptions = {
  /** Goes out in the Server header, so that no answer can be taken for the real service's. */
  readonly name: string;
  readonly maxBodyBytes: number;
  readonly handle: (request: LoopbackRequest) => LoopbackAnswer | Promise<LoopbackAnswer>;
};

export async function startLoopbackServer(options: LoopbackOptions): Promise<LoopbackServer> {
  const server = createServer((incoming, response) => {
    answer(incoming, response, options).catch((error: unknown) => {
      // A client that went away hears nothing; one that is there learns that the mistake is the stand-in's.
      if (!incoming.complete || response.headersSent) response.destroy();
      else response.writeHead(500).end(`${options.name} failed: ${String(error)}`);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The first value of a header, `null` if it was not sent. */
export function header(request: LoopbackRequest, name: string): string | null {
  return request.headers.find(([given]) => given === name)?.[1] ?? null;
}

async function answer(
  incoming: IncomingMessage,
  response: ServerResponse,
  options: LoopbackOptions,
): Promise<void> {
  response.setHeader('server', options.name);
  const body = await readBody(incoming, options.maxBodyBytes);
  if (body === null) {
    response.writeHead(413, { connection: 'close' }).end();
    return;
  }
  const target = incoming.url ?? '/';
  const mark = target.indexOf('?');
  const reply = await options.handle({
    method: incoming.method ?? 'GET',
    path: mark < 0 ? target : target.slice(0, mark),
    query: mark < 0 ? '' : target.slice(mark + 1),
    headers: headerPairs(incoming.rawHeaders),
    body,
  });
  const bytes = Buffer.isBuffer(reply.body) ? reply.body : Buffer.from(reply.body ?? '', 'utf8');
  // 204 has no body by definition; the length of a HEAD answer is its handler's to say.
  const length = reply.status === 204 ? {} : { 'content-length': String(bytes.length) };
  response.writeHead(reply.status, { ...length, ...reply.headers }).end(bytes);
}

async function readBody(incoming: IncomingMessage, maxBytes: number): Promise<Buffer | null> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of incoming as AsyncIterable<Buffer>) {
    size += piece.length;
    // Read on and drop, so that the client sees the refusal and not a broken pipe.
    if (size <= maxBytes) pieces.push(piece);
  }
  return size <= maxBytes ? Buffer.concat(pieces) : null;
}

function headerPairs(raw: readonly string[]): (readonly [string, string])[] {
  const pairs: (readonly [string, string])[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    pairs.push([(raw[i] ?? '').toLowerCase(), raw[i + 1] ?? '']);
  }
  return pairs;
}
