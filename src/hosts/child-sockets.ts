// Runs in the host child. Sends every outgoing connection of the component through the parent, without the
// component's clients knowing: TCP connects become "ask the parent to dial, then connect to the unix socket that
// it answers". The parent answers only once the far side has accepted, so 'connect' and errors mean what they
// always mean. In a network namespace this is the only way out; without one it is a convention that hostile code
// can break, which the pool reports as such.
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
import tls from 'node:tls';

export type Dial = (
  host: string,
  port: number,
) => { readonly path: Promise<string>; readonly cancel: () => void };

type ConnectOptions = { readonly [option: string]: unknown };
type ConnectCall = { readonly options: ConnectOptions; readonly callback: (() => void) | null };
/** What `net` keeps on a socket beside its public type; `_host` is where `tls` looks for the name to verify. */
type SocketInside = net.Socket & { connecting: boolean; _host?: string; _undestroy?: () => void };

export function routeSocketsThroughParent(dial: Dial): void {
  const connectDirectly = net.Socket.prototype.connect;

  function connect(this: SocketInside, ...args: readonly unknown[]): net.Socket {
    const { options, callback } = readConnectCall(args);
    if (this.destroyed) this._undestroy?.();
    if (callback !== null) this.once('connect', callback);
    this.connecting = true;
    if (typeof options.path === 'string') {
      process.nextTick(() => this.destroy(refusal('Components cannot open sockets of this machine.')));
      return this;
    }
    const host = typeof options.host === 'string' && options.host !== '' ? options.host : 'localhost';
    const port = readPort(options.port);
    this._host = host;
    const dialing = dial(host, port);
    this.once('close', dialing.cancel);
    dialing.path.then(
      (path) => {
        if (this.destroyed) return;
        // Making its handle, `connect` clears the stream's state. Here the user may have written and ended
        // meanwhile, and that must not be forgotten.
        this._undestroy = () => {};
        Reflect.apply(connectDirectly, this, [{ path }]);
        Reflect.deleteProperty(this, '_undestroy');
      },
      (error: Error) => this.destroy(error),
    );
    return this;
  }

  net.Socket.prototype.connect = connect as typeof connectDirectly;
  routeTls();
  syncBuiltinESMExports();
}

/** `tls` opens a TCP handle by itself unless it is given a socket; a given one may still be connecting. */
function routeTls(): void {
  const connectDirectly = tls.connect as (options: ConnectOptions, callback?: () => void) => tls.TLSSocket;

  function connect(...args: readonly unknown[]): tls.TLSSocket {
    const call = readConnectCall(args);
    const extra = args.slice(1, 3).find((arg) => typeof arg === 'object' && arg !== null);
    const options: ConnectOptions = { ...call.options, ...extra };
    const callback = call.callback ?? undefined;
    if (options.socket !== undefined && options.socket !== null) {
      return connectDirectly(options, callback);
    }
    const { host, port, path } = options;
    const target = typeof path === 'string' ? { path } : { host, port };
    const socket = new net.Socket().connect(target as net.TcpNetConnectOpts);
    const secured = connectDirectly({ ...options, socket }, callback);
    if (typeof options.timeout === 'number') secured.setTimeout(options.timeout);
    return secured;
  }

  Object.assign(tls, { connect });
}

/** The forms of `connect`: (options, cb), (path, cb), (port, host, cb), and what `net` itself passes on. */
function readConnectCall(args: readonly unknown[]): ConnectCall {
  const [first, second] = args;
  if (Array.isArray(first)) return readConnectCall(first);
  const last = args.findLast((arg) => typeof arg === 'function');
  const callback = typeof last === 'function' ? () => last() : null;
  if (typeof first === 'object' && first !== null) return { options: { ...first }, callback };
  if (typeof first === 'string' && Number.isNaN(Number(first))) return { options: { path: first }, callback };
  return { options: { port: first, host: typeof second === 'string' ? second : undefined }, callback };
}

function readPort(value: unknown): number {
  const port = typeof value === 'string' || typeof value === 'number' ? Number(value) : Number.NaN;
  if (Number.isInteger(port) && port > 0 && port <= 65_535) return port;
  throw Object.assign(new RangeError('Port should be > 0 and < 65536.'), { code: 'ERR_SOCKET_BAD_PORT' });
}

function refusal(message: string): Error {
  return Object.assign(new Error(message), { code: 'EACCES' });
}
