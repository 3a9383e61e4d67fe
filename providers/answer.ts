// An HTTP answer as a value, so that a fault can spoil it before it is written.
import type { ServerResponse } from 'node:http';

export type Answer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
};

const noStore = { 'cache-control': 'no-store' };

export function jsonAnswer(status: number, body: unknown, headers: Record<string, string> = {}): Answer {
  return textAnswer(status, JSON.stringify(body), { 'content-type': 'application/json', ...headers });
}

export function formAnswer(
  status: number,
  body: Readonly<Record<string, unknown>>,
  headers: Record<string, string> = {},
): Answer {
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(body)) form.set(name, String(value));
  return textAnswer(status, form.toString(), {
    'content-type': 'application/x-www-form-urlencoded; charset=utf-8',
    ...headers,
  });
}

export function htmlAnswer(status: number, body: string, headers: Record<string, string> = {}): Answer {
  return textAnswer(status, body, { 'content-type': 'text/html; charset=utf-8', ...headers });
}

export function textAnswer(status: number, body: string | Buffer, headers: Record<string, string>): Answer {
  return { status, headers: { ...noStore, ...headers }, body };
}

export function redirectAnswer(location: string, status = 303): Answer {
  return textAnswer(status, '', { location });
}

/** Writes the whole answer with its length; `date` overrides the clock that clients may compare with. */
export function sendAnswer(res: ServerResponse, answer: Answer, date?: Date): void {
  if (res.destroyed || res.headersSent) return;
  const length = Buffer.byteLength(answer.body);
  if (date !== undefined) res.setHeader('date', date.toUTCString());
  res.writeHead(answer.status, { ...answer.headers, 'content-length': String(length) });
  res.end(answer.body);
}

/** Announces the whole length, sends half, then cuts the line. */
export function sendTruncated(res: ServerResponse, answer: Answer): void {
  const body = Buffer.from(answer.body);
  res.writeHead(answer.status, { ...answer.headers, 'content-length': String(body.length) });
  res.write(body.subarray(0, Math.floor(body.length / 2)), () => res.destroy());
}

/** A TCP reset: the client sees ECONNRESET, not an orderly end. */
export function resetConnection(res: ServerResponse): void {
  res.socket?.resetAndDestroy();
}
