// A keep-alive HTTP/1.1 connection that sends one request after the other. Hand-made, because on two cores the load
// generator's own cost would otherwise be most of what is measured.
import { connect, type Socket } from 'node:net';

export type Exchange = {
  /** The next request, as text. */
  readonly next: () => string;
  /** Called for each answer; returns false to stop. Throws when the answer is wrong. */
  readonly answered: (status: number, body: Buffer) => boolean;
};

const headerEnd = Buffer.from('\r\n\r\n');
const lengthName = Buffer.from('content-length: ');

/** Resolves when `answered` said stop; rejects when the connection or an answer was bad. */
export function converse(port: number, exchange: Exchange): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.setNoDelay(true);
    let pending: Buffer | null = null;
    const fail = (error: Error): void => {
      socket.destroy();
      reject(error);
    };
    socket.once('connect', () => send(socket, exchange));
    socket.on('error', fail);
    socket.on('close', () => reject(new Error('the server closed the connection')));
    socket.on('data', (chunk) => {
      const bytes: Buffer = pending === null ? chunk : Buffer.concat([pending, chunk]);
      try {
        const answer = readAnswer(bytes);
        pending = answer === null ? bytes : null;
        if (answer === null) return;
        if (exchange.answered(answer.status, answer.body)) send(socket, exchange);
        else {
          resolve();
          socket.destroy();
        }
      } catch (error) {
        fail(error instanceof Error ? error : new Error('unknown error'));
      }
    });
  });
}

function send(socket: Socket, exchange: Exchange): void {
  socket.write(exchange.next(), 'latin1');
}

/** Null while bytes are missing. One answer at a time is under way, so nothing may follow it. */
function readAnswer(bytes: Buffer): { readonly status: number; readonly body: Buffer } | null {
  const end = bytes.indexOf(headerEnd);
  if (end === -1) return null;
  const at = bytes.indexOf(lengthName);
  if (at === -1 || at > end) throw new Error('the answer has no content-length');
  const length = Number(
    bytes.toString('latin1', at + lengthName.length, bytes.indexOf(13, at + lengthName.length)),
  );
  const bodyAt = end + headerEnd.length;
  if (bytes.length < bodyAt + length) return null;
  if (bytes.length > bodyAt + length) throw new Error('bytes after the answer');
  return { status: Number(bytes.toString('latin1', 9, 12)), body: bytes.subarray(bodyAt) };
}
