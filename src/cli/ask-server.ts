// Asks the running server over its private socket, and puts its errors into one line.
import { request } from 'node:http';
import { readConfig } from '../config.ts';
import { operatorSocket } from '../faces/operator/operator-socket.ts';
import { Fault } from '../kernel/fault.ts';

export async function askServer(
  method: 'GET' | 'POST',
  path: string,
  body: Readonly<Record<string, string>> = {},
): Promise<unknown> {
  const { path: socketPath } = operatorSocket(readConfig(process.env, process.cwd()).dataDirectory);
  const { status, text } = await send({ method, path, socketPath, body: JSON.stringify(body) });
  const answer: unknown = JSON.parse(text);
  if (status < 400) return answer;
  throw new Fault('bad_request', messageIn(answer));
}

type Sent = {
  readonly method: string;
  readonly path: string;
  readonly socketPath: string;
  readonly body: string;
};

function send({ method, path, socketPath, body }: Sent): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const isPost = method === 'POST';
    const headers = isPost
      ? { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
      : {};
    const asked = request({ socketPath, method, path, headers }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 500, text: Buffer.concat(chunks).toString('utf8') }),
      );
      answer.on('error', reject);
    });
    asked.on('error', (cause) => reject(noWayIn(socketPath, cause)));
    asked.end(isPost ? body : undefined);
  });
}

function noWayIn(socketPath: string, cause: Error): Fault {
  const code = 'code' in cause ? cause.code : undefined;
  if (code === 'EACCES' || code === 'EPERM') {
    return new Fault('unavailable', `This user may not open ${socketPath} (${code}).`, {
      cure: 'Run the command as the user that runs the server.',
      cause,
    });
  }
  return new Fault('unavailable', 'No server runs on this data directory.', {
    cure: 'Start it, or set LATCHKEY_DATA to the directory of the one that runs.',
    cause,
  });
}

function messageIn(answer: unknown): string {
  if (typeof answer === 'object' && answer !== null && 'error' in answer) {
    const { error } = answer;
    if (typeof error === 'object' && error !== null && 'message' in error) return String(error.message);
  }
  return 'The server refused.';
}
