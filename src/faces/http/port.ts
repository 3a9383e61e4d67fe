// The port that is served: tried before anything is written, and its trouble in one line.
import { createServer } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { Fault } from '../../kernel/fault.ts';

/** Serves there, or throws a `cannot_start` Fault of one line. */
export async function listen(app: FastifyInstance, host: string, port: number): Promise<void> {
  try {
    await app.listen({ host, port });
  } catch (error) {
    throw portTrouble(error, host, port);
  }
}

/**
 * The public URL must be known before anything is served, and an occupied port before anything is written: so the port is
 * tried first, and 0 becomes a free one.
 */
export function choosePort(host: string, wanted: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error) => reject(portTrouble(error, host, wanted)));
    probe.listen({ host, port: wanted }, () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : wanted));
    });
  });
}

function portTrouble(error: unknown, host: string, port: number): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (!['EADDRINUSE', 'EACCES', 'EADDRNOTAVAIL', 'ENOTFOUND'].includes(code)) return error;
  return new Fault('cannot_start', `Port ${port} on ${host} cannot be used (${code}).`, {
    cure: 'Stop the program that uses it, or set PORT (and HOST) to another one.',
    cause: error,
  });
}

/** An address as it stands in a URL. */
export function urlHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
