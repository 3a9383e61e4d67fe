import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { isFault } from '../kernel/fault.ts';
import { createLog, silentLog } from '../kernel/log.ts';
import { createEgress, type Egress, EgressFault, type EgressOptions, type EgressRequest } from './egress.ts';

const open: { close: () => void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

const post: EgressRequest = { method: 'POST', headers: {}, body: 'x=1', deadlineMs: 5_000, maxBytes: 65_536 };

function egress(options: Partial<EgressOptions> = {}): Egress {
  return createEgress({ allow: [], log: silentLog, ...options });
}

async function serve(
  listener: RequestListener,
  host = '127.0.0.1',
): Promise<{ port: number; server: Server }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  open.push({ close: () => server.closeAllConnections() });
  open.push(server);
  return { port: (server.address() as AddressInfo).port, server };
}

async function faultOf(work: Promise<unknown>): Promise<EgressFault> {
  const result = await work.then(
    () => null,
    (error: unknown) => error,
  );
  if (!(result instanceof EgressFault)) throw new Error(`no egress fault but ${String(result)}`);
  return result;
}

// For `provider.test`, valid for a hundred years; the key guards nothing.
const selfSigned = {
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgbHQcOT0D+YIGIMK+
fGKSJFI2XmeL/ZARP1c0HJ6UpwqhRANCAAQaqB4CCAwpd/QFex/w3VYjKmoktbsG
CQA6aL+TZ33wsDCHxq3xIkkcAZ+5bsOGZiy3kxXjxP1rciSjf2YscLKZ
-----END PRIVATE KEY-----
`,
  cert: `-----BEGIN CERTIFICATE-----
MIIBoDCCAUegAwIBAgIUL7itoO57XBxNYpTJUYJ32dLK7ccwCgYIKoZIzj0EAwIw
GDEWMBQGA1UEAwwNcHJvdmlkZXIudGVzdDAgFw0yNjExMjAxOTI1MzBaGA8yMTI2
MTAyNzE5MjUzMFowGDEWMBQGA1UEAwwNcHJvdmlkZXIudGVzdDBZMBMGByqGSM49
AgEGCCqGSM49AwEHA0IABBqoHgIIDCl39AV7H/DdViMqaiS1uwYJADpov5NnffCw
MIfGrfEiSRwBn7luw4ZmLLeTFePE/WtyJKN/ZixwspmjbTBrMB0GA1UdDgQWBBSy
R5K9pnDmgV9w5hD4wNxrzVwygjAfBgNVHSMEGDAWgBSyR5K9pnDmgV9w5hD4wNxr
zVwygjAPBgNVHRMBAf8EBTADAQH/MBgGA1UdEQQRMA+CDXByb3ZpZGVyLnRlc3Qw
CgYIKoZIzj0EAwIDRwAwRAIgc5pW60TQyKR8LZDUjJ9lMynElIY4wPzeTPuzkYMN
5xkCIHK5QFKN6XcT5AjPmIQyjsnlt5Rntra6RD21B83ibEK1
-----END CERTIFICATE-----
`,
} as const;

test('every request has its own connection', async () => {
  const ports = new Set<number | undefined>();
  const { port } = await serve((request, response) => {
    ports.add(request.socket.remotePort);
    response.setHeader('connection', 'keep-alive');
    response.end('ok');
  });
  const door = egress({ allow: ['127.0.0.0/8'] });
  for (let count = 0; count < 5; count += 1) await door.fetch(`http://127.0.0.1:${port}/`, post);
  expect(ports.size).toBe(5);
});

test('method, path, query, headers and body arrive as given', async () => {
  const seen: unknown[] = [];
  const { port } = await serve((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      seen.push([request.method, request.url, request.headers['x-a'], request.headers.host, body]);
      response.setHeader('X-Twice', ['one', 'two']);
      response.writeHead(201, { __proto__x: '1' }).end('{}');
    });
  });
  const answer = await egress({ allow: ['127.0.0.0/8'] }).fetch(`http://127.0.0.1:${port}/a/b?c=d`, {
    ...post,
    headers: { 'x-a': 'b' },
  });
  expect(seen).toEqual([['POST', '/a/b?c=d', 'b', `127.0.0.1:${port}`, 'x=1']]);
  expect(answer.status).toBe(201);
  expect(answer.headers['x-twice']).toBe('one, two');
});

test.each([
  ['gzip', gzipSync('hello')],
  ['x-gzip', gzipSync('hello')],
  ['deflate', deflateSync('hello')],
  ['deflate', deflateRawSync('hello')],
  ['br', brotliCompressSync('hello')],
  ['identity', Buffer.from('hello')],
] as const)('%s answers are read', async (encoding, bytes) => {
  const { port } = await serve((_request, response) => {
    response.writeHead(200, { 'content-encoding': encoding }).end(bytes);
  });
  const answer = await egress({ allow: ['127.0.0.0/8'] }).fetch(`http://127.0.0.1:${port}/`, post);
  expect(answer.body?.toString()).toBe('hello');
});

test('bombs, endless and broken bodies are dropped, their status is kept, memory stays flat', async () => {
  const zeros = Buffer.alloc(64 * 1024 * 1024);
  const bodies: [string, Buffer][] = [
    ['gzip', gzipSync(zeros)],
    ['deflate', deflateSync(zeros)],
    ['br', brotliCompressSync(zeros, { params: { 0: 0, 1: 1 } })],
    ['identity', zeros.subarray(0, 8 * 1024 * 1024)],
    ['gzip', gzipSync('hello').subarray(0, 12)],
    ['gzip', Buffer.from('not gzip at all')],
    ['br', Buffer.from('not brotli at all')],
    ['zstd', Buffer.from('hello')],
    ['gzip, gzip', gzipSync(gzipSync('hello'))],
  ];
  const door = egress({ allow: ['127.0.0.0/8'] });
  for (const [encoding, bytes] of bodies) {
    const { port } = await serve((_request, response) => {
      response.writeHead(429, { 'content-encoding': encoding, 'retry-after': '7' }).end(bytes);
    });
    const before = process.memoryUsage().rss;
    const answer = await door.fetch(`http://127.0.0.1:${port}/`, post);
    expect([answer.status, answer.headers['retry-after'], answer.body], encoding).toEqual([429, '7', null]);
    expect(answer.bodyProblem).not.toBeNull();
    expect(process.memoryUsage().rss - before, encoding).toBeLessThan(40 * 1024 * 1024);
  }
});

test('whether bytes were sent is known of every failure', async () => {
  const door = egress({ allow: ['127.0.0.0/8'] });
  const closed = await serve(() => {});
  closed.server.close();
  expect((await faultOf(door.fetch(`http://127.0.0.1:${closed.port}/`, post))).wasSent).toBe(false);

  const plain = await serve(() => {});
  expect((await faultOf(door.fetch(`https://127.0.0.1:${plain.port}/`, post))).wasSent, 'TLS').toBe(false);

  const resets = await serve((request) => request.socket.resetAndDestroy());
  expect((await faultOf(door.fetch(`http://127.0.0.1:${resets.port}/`, post))).wasSent, 'reset').toBe(true);

  const silent = await serve(() => {});
  const late = await faultOf(door.fetch(`http://127.0.0.1:${silent.port}/`, { ...post, deadlineMs: 80 }));
  expect(late.wasSent, 'timeout').toBe(true);

  const cut = await serve((_request, response) => {
    response.writeHead(200, { 'content-length': '100' });
    response.write('half', () => response.socket?.destroy());
  });
  expect(await door.fetch(`http://127.0.0.1:${cut.port}/`, post)).toMatchObject({ status: 200, body: null });
});

test('a request is never sent twice, whatever the other side does with the connection', async () => {
  const timeout = 'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n';
  const behaviours: ((socket: Socket) => unknown)[] = [
    (socket) => socket.once('data', () => socket.destroy()),
    (socket) => socket.once('data', () => socket.end('HTTP/1.1 100 Continue\r\n\r\n')),
    (socket) => socket.once('data', () => socket.end('garbage')),
    // Closed while idle: an HTTP client takes that as leave to dial again.
    (socket) => socket.end(),
    (socket) => socket.destroy(),
    (socket) => socket.end(timeout),
    (socket) => socket.end('garbage'),
  ];
  for (const behave of behaviours) {
    let connections = 0;
    const server = createTcpServer((socket) => {
      connections += 1;
      socket.on('error', () => {});
      behave(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    open.push(server);
    const { port } = server.address() as AddressInfo;
    for (const method of ['GET', 'POST', 'PUT', 'DELETE'] as const) {
      connections = 0;
      const door = egress({ allow: ['127.0.0.0/8'] });
      const sent = door.fetch(`http://127.0.0.1:${port}/`, { ...post, method });
      // A 408 said before we spoke may be read as the answer or as a closed connection; both are fine.
      await sent.then(
        (answer) => expect(answer.status).toBe(408),
        (error: unknown) => expect(error).toBeInstanceOf(EgressFault),
      );
      expect(connections, method).toBe(1);
    }
  }
});

test('the deadline covers a name server that never answers and a body that drips', async () => {
  const never = egress({ resolve: () => new Promise(() => {}) });
  expect((await faultOf(never.fetch('https://a.example/', { ...post, deadlineMs: 50 }))).wasSent).toBe(false);
  const { port } = await serve((_request, response) => {
    response.writeHead(200);
    const timer = setInterval(() => response.write('x'), 10);
    response.on('close', () => clearInterval(timer));
  });
  const door = egress({ allow: ['127.0.0.0/8'] });
  const answer = await door.fetch(`http://127.0.0.1:${port}/`, { ...post, deadlineMs: 150 });
  expect(answer).toMatchObject({ status: 200, body: null });
});

test('outside, every failure to reach looks the same; the operator reads the reason and no URL', async () => {
  const lines: string[] = [];
  const log = createLog({ level: 'info', stream: { write: (line) => void lines.push(line) } });
  const closed = await serve(() => {});
  closed.server.close();
  const plain = await serve(() => {});
  const faults = [
    await faultOf(egress({ log, resolve: async () => [] }).fetch('https://a.example/secret-path', post)),
    await faultOf(
      egress({ log, resolve: async () => ['10.0.0.1'] }).fetch('https://a.example/secret-path', post),
    ),
    await faultOf(
      egress({ log, resolve: () => Promise.reject(new Error('x')) }).fetch('https://a.example/', post),
    ),
    await faultOf(
      egress({ log, allow: ['127.0.0.1'] }).fetch(`http://127.0.0.1:${closed.port}/secret-path`, post),
    ),
    await faultOf(
      egress({ log, allow: ['127.0.0.1'] }).fetch(`https://127.0.0.1:${plain.port}/secret-path`, post),
    ),
  ];
  expect(new Set(faults.map((fault) => `${fault.code} ${fault.public}`)).size).toBe(1);
  expect(faults.every((fault) => isFault(fault, 'provider_unreachable'))).toBe(true);
  expect(lines).toHaveLength(5);
  expect(lines.map((line) => JSON.parse(line).fault)).toEqual(Array(5).fill('provider_unreachable'));
  expect(lines.join()).toContain('10.0.0.1');
  expect(lines.join()).toContain('ECONNREFUSED');
  expect(lines.join()).not.toContain('secret-path');
});

test('TLS: an unknown issuer and a wrong name are refused, also with verification switched off in the environment', async () => {
  let requests = 0;
  const server = createTlsServer(selfSigned, (_request, response) => {
    requests += 1;
    response.end('secure');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push({ close: () => server.closeAllConnections() }, server);
  const { port } = server.address() as AddressInfo;
  const door = (extraCa: readonly string[]): Egress =>
    egress({ allow: ['127.0.0.0/8'], resolve: async () => ['127.0.0.1'], extraCa });
  const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED;
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
  try {
    await faultOf(door([]).fetch(`https://provider.test:${port}/`, post));
    await faultOf(door([selfSigned.cert]).fetch(`https://other.test:${port}/`, post));
    await faultOf(door([selfSigned.cert]).fetch(`https://127.0.0.1:${port}/`, post));
  } finally {
    if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before;
  }
  expect(requests).toBe(0);
  const answer = await door([selfSigned.cert]).fetch(`https://provider.test:${port}/`, post);
  expect(answer.body?.toString()).toBe('secure');
});
