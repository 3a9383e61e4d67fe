import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { silentLog } from '../kernel/log.ts';
import { createEgress, type Egress, EgressFault, type EgressOptions, type EgressRequest } from './egress.ts';
import { isPublicAddress, parseAddress, parseAllowList } from './egress-address.ts';

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

// The canary: everything that must not be reached is made to lead here. One byte is one too many.
let canaryPort = 0;
let canaryBytes = 0;
let canaryConnections = 0;
const canary = createTcpServer((socket) => {
  canaryConnections += 1;
  socket.on('data', (chunk) => {
    canaryBytes += chunk.length;
  });
  socket.on('error', () => {});
});
beforeAll(() =>
  new Promise<void>((resolve) => canary.listen(0, '127.0.0.1', resolve)).then(() => {
    canaryPort = (canary.address() as AddressInfo).port;
  }),
);
afterAll(() => canary.close());

test('50 ways to spell an inside address reach the inside with 0 bytes', async () => {
  const hosts = [
    '127.0.0.1',
    '127.1',
    '0x7f.1',
    '0x7f000001',
    '2130706433',
    '017700000001',
    '0177.0.0.1',
    '127.0.0.1.',
    '127.0.0.2',
    '127.255.255.254',
    '0.0.0.0',
    '0',
    'localhost',
    'localhost.',
    'LOCALHOST',
    '[::1]',
    '[::]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::127.0.0.1]',
    '[::7f00:1]',
    '[64:ff9b::127.0.0.1]',
    '[64:ff9b:1::7f00:1]',
    '[2002:7f00:1::]',
    '[2001:0:7f00:1::]',
    '[fe80::1]',
    '[fec0::1]',
    '[fd00:ec2::254]',
    '[fc00::1]',
    '[ff02::1]',
    '[::ffff:169.254.169.254]',
    '169.254.169.254',
    '0xa9fea9fe',
    '2852039166',
    '10.0.0.1',
    '172.16.0.1',
    '192.168.1.1',
    '100.64.0.1',
    '100.100.100.200',
    '192.0.0.192',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '168.63.129.16',
    '①②⑦.0.0.1',
    '127。0。0。1',
    'user@127.0.0.1',
    'public.example@127.0.0.1',
    '127.0.0.1%00.public.example',
    'inside.test',
  ];
  expect(hosts.length).toBeGreaterThanOrEqual(50);
  const door = egress({
    // A listed block opens other ports and schemes for itself, so that the address alone decides below.
    allow: ['203.0.113.0/24'],
    resolve: async () => ['127.0.0.1'],
  });
  for (const host of hosts) {
    for (const url of [
      `http://${host}:${canaryPort}/`,
      `https://${host}:${canaryPort}/`,
      `https://${host}/`,
    ]) {
      const fault = await faultOf(door.fetch(url, post));
      expect(['egress_refused', 'provider_unreachable'], url).toContain(fault.code);
      expect(fault.wasSent, url).toBe(false);
    }
  }
  expect({ canaryConnections, canaryBytes }).toEqual({ canaryConnections: 0, canaryBytes: 0 });
});

test('other schemes and things that are no URL are refused', async () => {
  for (const url of [
    'file:///etc/passwd',
    'ftp://a.example',
    'gopher://a.example',
    'data:,x',
    'javascript:1',
    '//a',
    '',
  ]) {
    expect((await faultOf(egress().fetch(url, post))).code, url).toBe('egress_refused');
  }
});

test('http and other ports than 443 are refused for public hosts without asking DNS', async () => {
  let asked = 0;
  const door = egress({ resolve: async () => [String(asked++)] });
  for (const url of [
    'http://a.example/',
    'https://a.example:8443/',
    'http://93.184.216.34/',
    'https://93.184.216.34:22/',
  ]) {
    expect((await faultOf(door.fetch(url, post))).code, url).toBe('egress_refused');
  }
  expect(asked).toBe(0);
});

test('one inside address among public ones refuses the whole name', async () => {
  const door = egress({ resolve: async () => ['93.184.216.34', '10.0.0.1'] });
  const fault = await faultOf(door.fetch('https://a.example/', post));
  expect(fault.detail).toContain('10.0.0.1');
});

test('a name is asked for once, so that a second answer cannot move the connection', async () => {
  const { port } = await serve((_request, response) => response.end('good'), '127.0.0.2');
  let asked = 0;
  const door = egress({
    allow: ['127.0.0.2'],
    resolve: async () => {
      asked += 1;
      return asked === 1 ? ['127.0.0.2'] : ['127.0.0.1'];
    },
  });
  const answer = await door.fetch(`http://rebinding.test:${port}/`, post);
  expect(answer.body?.toString()).toBe('good');
  expect(asked).toBe(1);
  // And the same name, asked again for the next request, is judged again.
  await faultOf(door.fetch(`http://rebinding.test:${port}/`, post));
  expect(canaryBytes).toBe(0);
});

test('a listed name may lead inside, but never to link-local metadata', async () => {
  const { port } = await serve((_request, response) => response.end('idp'));
  const at = (address: string): Egress =>
    egress({ allow: [`idp.test:${port}`, 'idp.test:443'], resolve: async () => [address] });
  const url = `http://idp.test:${port}/`;
  expect((await at('127.0.0.1').fetch(url, post)).body?.toString()).toBe('idp');
  expect((await faultOf(at('169.254.169.254').fetch(url, post))).detail).toContain('linkLocal');
  await faultOf(at('127.0.0.1').fetch(`http://other.test:${port}/`, post));
});

test('redirects are answers, not orders', async () => {
  for (const status of [301, 302, 303, 307, 308]) {
    const { port } = await serve((_request, response) => {
      response.writeHead(status, { location: `http://127.0.0.1:${canaryPort}/` }).end();
    });
    const answer = await egress({ allow: ['127.0.0.0/8'] }).fetch(`http://127.0.0.1:${port}/`, post);
    expect(answer.status).toBe(status);
  }
  expect(canaryConnections).toBe(0);
});

test('proxies in the environment are ignored', async () => {
  const { port } = await serve((_request, response) => response.end('direct'));
  const proxy = `http://127.0.0.1:${canaryPort}`;
  const before = { ...process.env };
  Object.assign(process.env, {
    HTTP_PROXY: proxy,
    HTTPS_PROXY: proxy,
    http_proxy: proxy,
    ALL_PROXY: proxy,
    NODE_USE_ENV_PROXY: '1',
  });
  try {
    const answer = await egress({ allow: [`127.0.0.1:${port}`] }).fetch(`http://127.0.0.1:${port}/`, post);
    expect(answer.body?.toString()).toBe('direct');
  } finally {
    process.env = before;
  }
  expect(canaryConnections).toBe(0);
});

test('public is what is public in both families', () => {
  const verdict = (text: string): boolean => {
    const address = parseAddress(text);
    return address !== null && isPublicAddress(address);
  };
  for (const text of ['93.184.216.34', '8.8.8.8', '2606:4700::1', '[2a00:1450::5]', '::ffff:8.8.8.8']) {
    expect(verdict(text), text).toBe(true);
  }
  for (const text of [
    '4000::1',
    '168.63.129.16',
    '::ffff:168.63.129.16',
    '2001:db8::1',
    '3fff::1',
    '5f00::1',
    '100::1',
    'fe80::1%eth0',
    '1.2.3',
    'a',
  ]) {
    expect(verdict(text), text).toBe(false);
  }
});

test('an allow list that cannot be read stops the start and names the entry', () => {
  for (const entry of ['idp.internal', 'http://a:1', 'a:1/path', 'a b:1', '10.0.0.0/99', 'u@h:1', ':80']) {
    expect(() => parseAllowList([entry]), entry).toThrow(entry);
  }
  const list = parseAllowList(['IDP.internal:8443', ' 10.0.0.0/8', '[::1]:9000', '', '::1/128']);
  expect(list.hasHostPort('idp.internal', 8443)).toBe(true);
  expect(list.hasHostPort('::1', 9000)).toBe(true);
  expect(list.hasHostPort('idp.internal', 443)).toBe(false);
});
