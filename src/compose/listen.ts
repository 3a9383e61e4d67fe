// The port that we serve on: tried before anything is written, and what is wrong with it in words.
import { createServer } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { Fault } from '../kernel/fault.ts';

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
  const cannotStart = (problem: string, cure: string) =>
    new Fault('cannot_start', `${problem} (${code}).`, { cure, cause: error });
  switch (code) {
    case 'EADDRINUSE':
      return cannotStart(
        `Port ${port} on ${host} is in use`,
        'Stop the program that uses it, or set PORT (and HOST) to another one.',
      );
    case 'EACCES':
      return cannotStart(
        `This user may not listen on port ${port} of ${host}`,
        'Set PORT to one above 1023 with a proxy in front, or let this user open lower ones.',
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return cannotStart(
        `This machine has no address ${host}`,
        'Set HOST to one that it has, or leave it out to listen on 127.0.0.1.',
      );
    default:
      return error;
  }
}

export function urlHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
