// How the client proves itself at the token and revocation endpoints (RFC 6749 2.3): exactly one way per request,
// because some providers refuse a request that carries two.
import type { Plain } from '../kernel/plain.ts';
import type { ClientAuth } from './client-style.ts';

export type ClientIdentity = {
  readonly clientId: string;
  /** Null for public clients. */
  readonly clientSecret: Plain | null;
};

export type ClientProof = {
  readonly headers: Readonly<Record<string, string>>;
  readonly params: Readonly<Record<string, string>>;
};

/** The header or the body parameters that carry the client's proof; never both. */
export function proveClient(style: ClientAuth, client: ClientIdentity): ClientProof {
  const secret = client.clientSecret?.revealText() ?? null;
  switch (style) {
    case 'none':
      return { headers: {}, params: { client_id: client.clientId } };
    case 'post':
      return {
        headers: {},
        params: { client_id: client.clientId, ...(secret === null ? {} : { client_secret: secret }) },
      };
    case 'basic':
      // RFC 6749 2.3.1: both halves are form-encoded first, so that a colon in the id cannot shift the border.
      return basic(formEncode(client.clientId), formEncode(secret ?? ''));
    case 'basic_raw':
      // Providers that take the header literally (RFC 7617) reject `%2B` for `+`.
      return basic(client.clientId, secret ?? '');
  }
}

function basic(id: string, secret: string): ClientProof {
  const pair = Buffer.from(`${id}:${secret}`, 'utf8').toString('base64');
  return { headers: { authorization: `Basic ${pair}` }, params: {} };
}

/** application/x-www-form-urlencoded of one value: space becomes `+`, and `-._*` stay. */
function formEncode(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1);
}
