// What both actions share: the client with the token, and what Dropbox's refusals mean.
import { type Connection, ConnectionError } from '@prismatic-io/spectral';
import { createClient, type HttpClient } from '@prismatic-io/spectral/dist/clients/http';

export function createDropboxClient(connection: Connection, baseUrl: string): HttpClient {
  const token = connection.token?.access_token;
  if (typeof token !== 'string' || token === '') {
    throw new ConnectionError(connection, 'The connection holds no access token: authorize it first.');
  }
  return createClient({
    baseUrl,
    headers: { Authorization: `Bearer ${token}` },
    timeout: 60_000,
  });
}

/** Statuses are judged by `refuse`, which reads Dropbox's own words. */
export const anyStatus = { validateStatus: () => true };

/** https://www.dropbox.com/developers/documentation/http/documentation#error-handling */
export function refuse(connection: Connection, status: number, body: unknown, retryAfter: unknown): never {
  const reason = readReason(body);
  if (status === 401) throw new ConnectionError(connection, `Dropbox refused the access token: ${reason}`);
  if (status === 403) throw new ConnectionError(connection, `Dropbox denied access: ${reason}`);
  if (status === 409) throw new Error(`Dropbox cannot do that: ${reason}`);
  if (status === 429) {
    const seconds = /^\d+$/.test(String(retryAfter)) ? ` Try again in ${retryAfter} s.` : '';
    throw new Error(`Dropbox limits the rate of requests.${seconds}`);
  }
  throw new Error(`Dropbox answered with status ${status}: ${reason}`);
}

/** Endpoint errors are JSON with `error_summary`, those of the platform plain text. */
function readReason(body: unknown): string {
  const text = Buffer.isBuffer(body) ? body.toString('utf8') : body;
  const parsed = typeof text === 'string' ? parseJson(text) : text;
  if (typeof parsed === 'object' && parsed !== null && 'error_summary' in parsed) {
    return String(parsed.error_summary);
  }
  return typeof text === 'string' ? text.slice(0, 300) : 'no reason given';
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Dropbox's root is the empty text, and it wants no slash at the end. */
export function asDropboxPath(path: string): string {
  const trimmed = path.trim().replace(/\/+$/, '');
  return trimmed === '' || trimmed.startsWith('/') || /^(id|rev|ns):/.test(trimmed) ? trimmed : `/${trimmed}`;
}
