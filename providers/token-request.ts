// A request to the token or revocation endpoint, read once: parameters, who authenticates and how.
import type { IncomingMessage } from 'node:http';
import type { ClientAuthStyle, LedgerKind } from './ledger-record.ts';

export type TokenRequest = {
  readonly kind: LedgerKind;
  readonly params: ReadonlyMap<string, string>;
  readonly authStyle: ClientAuthStyle;
  readonly clientId: string | null;
  readonly clientSecret: string | null;
  readonly accept: string;
  readonly peer: string;
  readonly agent: string | null;
  /** The bytes as they came, for a server that wants to parse them itself. */
  readonly raw: Buffer;
};

const maxBodyBytes = 256 * 1024;

/** Null when the body is larger than any honest request. */
export async function readBody(req: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of req) {
    const bytes = chunk as Buffer;
    length += bytes.length;
    if (length > maxBodyBytes) return null;
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

export function parseTokenRequest(
  req: IncomingMessage,
  raw: Buffer,
  endpoint: 'token' | 'revoke',
): TokenRequest {
  const params = bodyParams(raw, req.headers['content-type'] ?? '');
  const basic = basicCredentials(req.headers.authorization);
  const hasBodySecret = params.has('client_secret');
  const authStyle = basic === null ? (hasBodySecret ? 'post' : 'none') : hasBodySecret ? 'both' : 'basic';
  return {
    kind: endpoint === 'revoke' ? 'revoke' : kindOf(params.get('grant_type')),
    params,
    authStyle,
    clientId: basic?.id ?? params.get('client_id') ?? null,
    clientSecret: basic?.secret ?? params.get('client_secret') ?? null,
    accept: req.headers.accept ?? '',
    agent: req.headers['user-agent']?.slice(0, 200) ?? null,
    peer: `${req.socket.remoteAddress ?? '?'}:${req.socket.remotePort ?? 0}`,
    raw,
  };
}

function kindOf(grantType: string | undefined): LedgerKind {
  switch (grantType) {
    case 'authorization_code':
      return 'code';
    case 'refresh_token':
      return 'refresh';
    case 'client_credentials':
      return 'client_credentials';
    default:
      return 'other';
  }
}

function bodyParams(raw: Buffer, contentType: string): Map<string, string> {
  const text = raw.toString('utf8');
  if (!contentType.includes('json')) return new Map(new URLSearchParams(text));
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body !== 'object' || body === null) return new Map();
    return new Map(Object.entries(body).map(([name, value]) => [name, String(value)]));
  } catch {
    return new Map();
  }
}

function basicCredentials(
  header: string | undefined,
): { readonly id: string; readonly secret: string } | null {
  const encoded = /^basic ([a-z0-9+/=_-]+)$/i.exec(header ?? '')?.[1];
  if (encoded === undefined) return null;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 0) return null;
  return { id: formDecoded(text.slice(0, colon)), secret: formDecoded(text.slice(colon + 1)) };
}

// RFC 6749 2.3.1 asks for form encoding; a client that does not encode is read as it wrote.
function formDecoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}

const openNames = new Set(['grant_type', 'token_type_hint', 'client_id', 'redirect_uri', 'scope']);
const secretName = /secret|token|code|verifier|password|assertion|key/i;

/** Parameters as the ledger may keep them: every name, no secret value, nothing long. */
export function shownParams(params: ReadonlyMap<string, string>): Record<string, string> {
  const shown: Record<string, string> = Object.create(null);
  for (const [name, value] of params) {
    const hidden = !openNames.has(name) && secretName.test(name);
    shown[name.slice(0, 100)] = hidden ? '[hidden]' : value.slice(0, 500);
  }
  return shown;
}
