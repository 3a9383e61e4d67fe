// Runs in the parent. Gives one host child its outgoing connections: the caller's `dial` decides and connects,
// then a unix socket made for that one connection carries the bytes. One socket each, so that the kernel keeps
// the flow control and nobody needs a protocol inside.
import { randomBytes } from 'node:crypto';
import net from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { isFault } from '../kernel/fault.ts';

export type Dial = (
  host: string,
  port: number,
  options: { readonly tenant: string; readonly signal: AbortSignal },
) => Promise<Duplex>;

export type DialReply =
  | { readonly type: 'dialed'; readonly id: number; readonly path: string }
  | { readonly type: 'dial-failed'; readonly id: number; readonly code: string; readonly message: string };

export type Relay = {
  readonly open: (id: number, host: string, port: number) => void;
  readonly hangUp: (id: number) => void;
  /** Ends every connection, also those still being dialled. */
  readonly close: () => void;
};

/** A browser keeps six to a host; a component with more than this many at once is out of hand. */
const maxConnections = 64;
/** Of one step: one that dials in a loop what cannot be reached keeps us busy with looking up names. */
const maxFailures = 1_000;
const pickUpTimeoutMs = 10_000;

export function createRelay(options: {
  readonly directory: string;
  readonly directoryInChild: string;
  readonly tenant: string;
  readonly dial: Dial;
  readonly reply: (reply: DialReply) => void;
}): Relay {
  const open = new Map<number, AbortController>();
  let failures = 0;

  function limitReached(): string | null {
    if (failures >= maxFailures) return `More than ${maxFailures} connections of this step have failed.`;
    return open.size >= maxConnections ? `At most ${maxConnections} connections may be open at once.` : null;
  }

  async function connect(id: number, host: string, port: number, call: AbortController): Promise<void> {
    try {
      const far = await options.dial(host, port, { tenant: options.tenant, signal: call.signal });
      if (call.signal.aborted) {
        failures += 1;
        far.destroy();
        return;
      }
      const name = randomBytes(8).toString('hex');
      const path = join(options.directory, name);
      await offer(path, far, call);
      options.reply({ type: 'dialed', id, path: `${options.directoryInChild}/${name}` });
    } catch (error) {
      failures += 1;
      if (call.signal.aborted) return;
      call.abort();
      options.reply(failedDial(id, host, port, error));
    }
  }

  return {
    open: (id, host, port) => {
      const limit = open.has(id) ? 'This connection is open already.' : limitReached();
      if (limit !== null) {
        options.reply({ type: 'dial-failed', id, code: 'EMFILE', message: limit });
        return;
      }
      const call = new AbortController();
      call.signal.addEventListener('abort', () => open.delete(id), { once: true });
      open.set(id, call);
      void connect(id, host, port, call);
    },
    hangUp: (id) => open.get(id)?.abort(),
    close: () => {
      for (const call of [...open.values()]) call.abort();
    },
  };
}

/** Listens for the child's one connection and joins it with `far`. Aborting `call` ends all of it. */
function offer(path: string, far: Duplex, call: AbortController): Promise<void> {
  const listener = net.createServer({ allowHalfOpen: true }, (near) => {
    clearTimeout(unclaimed);
    listener.close();
    joinStreams(near, far, call);
  });
  const unclaimed = setTimeout(() => call.abort(), pickUpTimeoutMs);
  call.signal.addEventListener(
    'abort',
    () => {
      clearTimeout(unclaimed);
      listener.close();
      far.destroy();
    },
    { once: true },
  );
  // Until it is joined nobody else listens, and an error without a listener would end the process.
  far.on('error', () => call.abort());
  return new Promise((resolve, reject) => {
    listener.once('error', reject);
    // The child may have another uid. Nobody else reaches the folder that holds this.
    listener.listen({ path, readableAll: true, writableAll: true }, resolve);
  });
}

/** Each side may end before the other; whatever was on its way still arrives. Only an untimely close cuts both. */
function joinStreams(near: net.Socket, far: Duplex, call: AbortController): void {
  call.signal.addEventListener('abort', () => near.destroy(), { once: true });
  near.on('error', () => call.abort());
  for (const [one, other] of [
    [near, far],
    [far, near],
  ] as const) {
    one.pipe(other);
    one.on('close', () => {
      const isComplete = one.readableEnded && one.writableFinished;
      if (!isComplete || other.closed) call.abort();
    });
  }
}

/** The code is the system's; the text is ours, because the system's may tell addresses of our network. */
function failedDial(id: number, host: string, port: number, error: unknown): DialReply {
  if (isFault(error)) {
    return { type: 'dial-failed', id, code: `ERR_${error.code.toUpperCase()}`, message: error.public };
  }
  const code =
    error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'EHOSTUNREACH';
  return { type: 'dial-failed', id, code, message: `connect ${code} ${host}:${port}` };
}
