// A server that closes waits for its connections, and clients keep theirs open for the next request. So connections are
// ended as they fall idle, those that have said nothing at once, and after a limit every one.
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

/** Enough for a provider's answer; with what is closed afterwards it stays below what those who stop us wait. */
const closingGraceMs = 10_000;
const sweepMs = 20;

export function endConnectionsOnClose(app: FastifyInstance, graceMs: number = closingGraceMs): void {
  const open = new Set<Socket>();
  app.server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  app.addHook('preClose', (done) => {
    if (app.server.listening) endAll(app, open, graceMs);
    done();
  });
}

function endAll({ server }: FastifyInstance, open: ReadonlySet<Socket>, graceMs: number): void {
  const sweep = setInterval(() => {
    server.closeIdleConnections();
    // Node counts a connection without a first request as busy: it might be sending its headers.
    for (const socket of open) if (socket.bytesRead === 0) socket.destroy();
  }, sweepMs);
  const limit = setTimeout(() => {
    for (const socket of open) socket.destroy();
  }, graceMs);
  server.once('close', () => {
    clearInterval(sweep);
    clearTimeout(limit);
  });
}
