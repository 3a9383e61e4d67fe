// The only door to strangers. URLs here were typed by customers, so this door decides by the address it really
// dials, follows nothing, reuses nothing, and says the same thing to the outside whatever went wrong inside.
import { lookup } from 'node:dns/promises';
import { connect as connectTcp, type Socket } from 'node:net';
import { createSecureContext, rootCertificates, type SecureContext, connect as startTls } from 'node:tls';
import type { buildConnector } from 'undici';
import type { Every } from '../kernel/clock.ts';
import { Fault } from '../kernel/fault.ts';
import type { Log } from '../kernel/log.ts';
import { isListed, parseAddress, parseAllowList, refusalOf } from './egress-address.ts';
import { readCappedBody } from './egress-body.ts';
import { createFailedDials } from './failed-dials.ts';
import { createNameLookups } from './name-lookups.ts';

export type EgressRequest = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  /** Total: name, connection, request and the last byte of the answer. */
  readonly deadlineMs: number;
  /** Cap on the answer's body, counted after decompression. */
  readonly maxBytes: number;
  /** Gives up earlier, for example when the process drains. */
  readonly signal?: AbortSignal;
};

export type EgressResponse = {
  readonly status: number;
  /** Lower-case names, repeated headers joined by ", ", no prototype. */
  readonly headers: Readonly<Record<string, string>>;
  /** Null when it could not be read to its end; the status and headers still stand. */
  readonly body: Buffer | null;
  /** Why `body` is null, for operators. */
  readonly bodyProblem: string | null;
};

export type Egress = {
  /** Sends exactly one request. Throws only `EgressFault`. */
  readonly fetch: (url: string | URL, request: EgressRequest) => Promise<EgressResponse>;
};

/** A request that got no answer. `wasSent` false proves that the other side has seen nothing of it. */
export class EgressFault extends Fault {
  readonly wasSent: boolean;

  constructor(
    code: 'egress_refused' | 'provider_unreachable',
    options: { readonly wasSent: boolean; readonly detail: string; readonly cause?: unknown },
  ) {
    const words = publicWords[code];
    super(code, words.message, { cure: words.cure, detail: options.detail, cause: options.cause });
    this.wasSent = options.wasSent;
  }
}

// A stranger must not learn from our words whether an inside name exists, a port is closed or a handshake failed:
// only what can be read off the URL itself gets its own sentence.
const publicWords = {
  egress_refused: {
    message: 'This address is not allowed.',
    cure: 'Use an https URL of a public host on port 443, or ask the operator to list it in LATCHKEY_EGRESS_ALLOW.',
  },
  provider_unreachable: {
    message: 'The provider is unreachable.',
    cure: 'Check the URL and try again; the operator finds the reason in the log.',
  },
} as const;

export type EgressOptions = {
  /** `LATCHKEY_EGRESS_ALLOW`, split: `host:port`, address or CIDR. */
  readonly allow: readonly string[];
  readonly log: Log;
  /** Name to addresses; asked once per request. */
  readonly resolve?: (host: string) => Promise<readonly string[]>;
  /** Certificates (PEM) trusted beside the built-in roots, for providers inside a company. */
  readonly extraCa?: readonly string[];
};

type Target = {
  readonly url: URL;
  readonly host: string;
  readonly port: number;
  readonly addresses: readonly NonNullable<ReturnType<typeof parseAddress>>[];
};

export function createEgress(options: EgressOptions): Egress {
  const allow = parseAllowList(options.allow);
  const resolve = options.resolve ?? resolveByHost;
  const trust = createTrust(options.extraCa ?? []);

  async function locate(url: URL): Promise<Target> {
    const host = bareHost(url);
    const port = url.port === '' ? defaultPort(url.protocol) : Number(url.port);
    const isOrdinary = url.protocol === 'https:' && port === 443;
    const literal = parseAddress(host);
    // Without any entry that could permit it, the name is not even asked for.
    if (!isOrdinary && !allow.hasHostPort(host, port) && !allow.hasBlocks) {
      throw refused(`${url.protocol}//${host}:${port} is not https on port 443 and not listed`);
    }
    const addresses = literal === null ? await resolveAll(resolve, host) : [literal];
    const target = { url, host, port, addresses };
    const refusal = refusalOf(target, allow);
    if (refusal !== null) throw literal === null ? unreachable(false, refusal) : refused(refusal);
    if (!isOrdinary && !isListed(target, allow)) {
      throw refused(`${url.protocol}//${host}:${port} is not https on port 443 and not listed`);
    }
    return target;
  }

  async function fetch(input: string | URL, request: EgressRequest): Promise<EgressResponse> {
    const url = readUrl(input);
    const deadline = AbortSignal.timeout(request.deadlineMs);
    const signal = request.signal === undefined ? deadline : AbortSignal.any([deadline, request.signal]);
    try {
      const target = await orAbort(locate(url), signal);
      return await send(target, request, signal, trust);
    } catch (error) {
      const fault = error instanceof EgressFault ? error : unreachable(false, describe(error), error);
      options.log.warn('egress failed', {
        host: url.hostname,
        fault: fault.code,
        wasSent: fault.wasSent,
        detail: fault.detail,
      });
      throw fault;
    }
  }

  return { fetch };
}

/** Opens a connection for somebody else's protocol: any port of a public host, everything else only where listed. */
export type DialOut = (
  host: string,
  port: number,
  options: { readonly tenant: string; readonly signal: AbortSignal },
) => Promise<Socket>;

const dialDeadlineMs = 30_000;

/** The door of components. What they say on the connection is theirs; where it leads is judged here. */
export function createDial(
  options: Pick<EgressOptions, 'allow' | 'log' | 'resolve'> & { readonly every?: Every },
): DialOut {
  const allow = parseAllowList(options.allow);
  const noteFailure = createFailedDials(options.log, options.every);
  const lookups = createNameLookups(options.resolve ?? resolveByHost);
  return async (input, port, { tenant, signal: given }) => {
    const signal = AbortSignal.any([given, AbortSignal.timeout(dialDeadlineMs)]);
    try {
      const host = readHost(input);
      const literal = parseAddress(host);
      const resolve = (name: string) => lookups(tenant, name);
      const addresses = literal === null ? await orAbort(resolveAll(resolve, host), signal) : [literal];
      const refusal = refusalOf({ host, port, addresses }, allow);
      if (refusal !== null) throw literal === null ? unreachable(false, refusal) : refused(refusal);
      return await openTcp({ host, port, addresses }, signal);
    } catch (error) {
      const fault = error instanceof EgressFault ? error : unreachable(false, describe(error), error);
      noteFailure({ tenant, host: input.slice(0, 255), port }, { fault: fault.code, detail: fault.detail });
      throw fault;
    }
  };
}

/** Lower case and bare, as lists spell hosts. */
function readHost(input: string): string {
  const host = input.toLowerCase().replace(/^\[(.*)\]$/, '$1');
  if (parseAddress(host) !== null) return host;
  const isName = /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(host) && host.length <= 253;
  // "127.1", "0x7f000001" and the like are addresses to some resolvers.
  if (!isName || /(^|\.)(\d+|0x[0-9a-f]*)$/.test(host)) throw refused('no proper host name');
  return host;
}

async function send(
  target: Target,
  request: EgressRequest,
  signal: AbortSignal,
  trust: Trust,
): Promise<EgressResponse> {
  // From the moment the HTTP client holds a ready socket, bytes may be on their way: from then on nothing that
  // happens proves that the other side did not act.
  let wasSent = false;
  const dial: buildConnector.connector = (_options, callback) => {
    // The client would dial again after some errors; a token request that might have arrived must not be repeated.
    if (wasSent) return callback(new Error('a second connection was refused'), null);
    openSocket(target, trust, signal).then((socket) => {
      wasSent = true;
      callback(null, socket);
    }, callbackError(callback));
  };
  // Loaded at the first request: a tenth of what a server needs at its start.
  const { Client } = await import('undici');
  const client = new Client(target.url.origin, {
    connect: dial,
    allowH2: false,
    pipelining: 1,
    headersTimeout: 0,
    bodyTimeout: 0,
    maxHeaderSize: 16_384,
  });
  try {
    const answer = await client.request({
      path: `${target.url.pathname}${target.url.search}`,
      method: request.method,
      headers: { 'accept-encoding': 'gzip, deflate, br', ...request.headers },
      body: request.body,
      signal,
      reset: true,
      responseHeaders: 'raw',
    });
    const headers = joinHeaders(answer.headers);
    const encoding = headers['content-encoding'] ?? null;
    const read = await readCappedBody(answer.body, { encoding, maxBytes: request.maxBytes });
    return { status: answer.statusCode, headers, ...read };
  } catch (error) {
    if (error instanceof EgressFault) throw error;
    throw unreachable(wasSent, describe(error), error);
  } finally {
    // The socket is this request's own: an idle one could be closed by the other side under the next request,
    // which is an unknown outcome for no reason.
    await client.destroy().catch(() => {});
  }
}

type Trust = () => SecureContext;

/** Made at the first handshake: reading the built-in roots takes time that a start need not spend. */
function createTrust(extraCa: readonly string[]): Trust {
  let made: SecureContext | null = null;
  return () => {
    made ??= createSecureContext({ ca: [...rootCertificates, ...extraCa], minVersion: 'TLSv1.2' });
    return made;
  };
}

function callbackError(callback: buildConnector.Callback): (error: unknown) => void {
  return (error) => callback(error instanceof Error ? error : new Error(String(error)), null);
}

async function openSocket(target: Target, trust: Trust, signal: AbortSignal): Promise<Socket> {
  const tcp = await openTcp(target, signal);
  if (target.url.protocol === 'http:') return tcp;
  const isName = parseAddress(target.host) === null;
  const tls = startTls({
    socket: tcp,
    // Explicit, so that NODE_TLS_REJECT_UNAUTHORIZED in the environment changes nothing.
    rejectUnauthorized: true,
    secureContext: trust(),
    ALPNProtocols: ['http/1.1'],
    host: target.host,
    ...(isName ? { servername: target.host } : {}),
  });
  await ready(tls, 'secureConnect', signal);
  return tls;
}

async function openTcp(target: Omit<Target, 'url'>, signal: AbortSignal): Promise<Socket> {
  const tcp = connectTcp({
    host: target.host,
    port: target.port,
    // The addresses were judged; whatever the name says by now is not asked.
    lookup: (_host, _options, callback) =>
      callback(
        null,
        target.addresses.map((address) => ({
          address: address.toString(),
          family: address.kind() === 'ipv4' ? 4 : 6,
        })),
      ),
    autoSelectFamily: true,
  });
  await ready(tcp, 'connect', signal);
  const peer = parseAddress(tcp.remoteAddress ?? '');
  if (peer === null || !target.addresses.some((address) => address.toString() === peer.toString())) {
    tcp.destroy();
    throw unreachable(false, `connected to ${tcp.remoteAddress ?? 'nowhere'}, which was not judged`);
  }
  tcp.setNoDelay(true);
  return tcp;
}

/** Waits for the socket's event; an error or the deadline destroys it. */
function ready(socket: Socket, event: 'connect' | 'secureConnect', signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => {
      signal.removeEventListener('abort', abort);
      socket.destroy();
      reject(error);
    };
    const abort = (): void => fail(signal.reason);
    if (signal.aborted) return fail(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    // Stays attached: an error of a socket that nobody listens to any more would end the process.
    socket.on('error', fail);
    socket.once('close', () => fail(new Error(`closed before ${event}`)));
    socket.once(event, () => {
      signal.removeEventListener('abort', abort);
      resolve();
    });
  });
}

function readUrl(input: string | URL): URL {
  const url = typeof input === 'string' && URL.canParse(input) ? new URL(input) : input;
  if (!(url instanceof URL)) throw refused('not an absolute URL');
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw refused(`scheme ${url.protocol}`);
  if (url.username !== '' || url.password !== '') throw refused('user name or password in the URL');
  // A trailing dot is the same host to a resolver and another one to certificates and lists.
  if (url.hostname === '' || url.hostname.endsWith('.')) throw refused('no proper host name');
  return url;
}

/** Without the brackets of IPv6: certificates, lists and sockets spell addresses bare. */
function bareHost(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1');
}

function defaultPort(protocol: string): number {
  return protocol === 'https:' ? 443 : 80;
}

async function resolveByHost(host: string): Promise<readonly string[]> {
  const found = await lookup(host, { all: true, order: 'ipv4first' });
  return found.map((entry) => entry.address);
}

async function resolveAll(
  resolve: (host: string) => Promise<readonly string[]>,
  host: string,
): Promise<Target['addresses']> {
  const texts = await resolve(host);
  const addresses = texts.map(parseAddress);
  if (addresses.length === 0) throw unreachable(false, `${host} has no address`);
  if (!addresses.every((address) => address !== null)) {
    throw unreachable(false, `${host} resolves to something that is not an address`);
  }
  return addresses;
}

function orAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** `raw` headers come as one flat list; a header named `__proto__` is only a name here. */
function joinHeaders(raw: unknown): Readonly<Record<string, string>> {
  const joined: Record<string, string> = Object.create(null);
  if (!Array.isArray(raw)) return joined;
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = String(raw[at]).toLowerCase();
    const before = joined[name];
    joined[name] = before === undefined ? String(raw[at + 1]) : `${before}, ${String(raw[at + 1])}`;
  }
  return joined;
}

function refused(detail: string): EgressFault {
  return new EgressFault('egress_refused', { wasSent: false, detail });
}

function unreachable(wasSent: boolean, detail: string, cause?: unknown): EgressFault {
  return new EgressFault('provider_unreachable', { wasSent, detail, cause });
}

/** Names and codes of errors are safe to log; their messages may quote what was sent. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error';
  const code = 'code' in error && typeof error.code === 'string' ? ` ${error.code}` : '';
  if (error instanceof AggregateError)
    return `${error.name}${code}: ${error.errors.map(describe).join(', ')}`;
  return `${error.name}${code}`;
}
