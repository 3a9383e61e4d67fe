// The OAuth clients that the emulator knows, in the words of RFC 7591; more can be added while it runs.
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { fingerprint } from './ledger-record.ts';
import { parsed } from './parse.ts';

const printable = z.string().regex(/^[\x20-\x7e]{1,500}$/);

const clientSchema = z.strictObject({
  client_id: printable.optional(),
  /** Absent or null with `token_endpoint_auth_method: "none"`: a public client. */
  client_secret: printable.nullable().optional(),
  /** Absent: any loopback URI, whatever its port and path. */
  redirect_uris: z.array(z.url()).min(1).optional(),
  /** Absent: Basic or body, as the client likes. */
  token_endpoint_auth_method: z.enum(['client_secret_basic', 'client_secret_post', 'none']).optional(),
});

export type EmulatedClientInput = z.input<typeof clientSchema>;
export type EmulatedClient = {
  readonly client_id: string;
  readonly client_secret: string | null;
  readonly redirect_uris: readonly string[] | null;
  readonly token_endpoint_auth_method: 'client_secret_basic' | 'client_secret_post' | 'none' | null;
};

export const demoClient = { client_id: 'latchkey-demo', client_secret: 'latchkey-demo-secret' } as const;

export type ClientRegistry = {
  /** Adds a client or replaces the one with its id; what is missing is made up. */
  readonly add: (input: unknown) => EmulatedClient;
  readonly find: (clientId: string) => EmulatedClient | null;
  readonly allowsRedirect: (clientId: string, redirectUri: string) => boolean;
};

export function createClientRegistry(initial: readonly EmulatedClientInput[]): ClientRegistry {
  const clients = new Map<string, EmulatedClient>();

  function add(input: unknown): EmulatedClient {
    const given = parsed(clientSchema, input);
    const isPublic = given.token_endpoint_auth_method === 'none';
    const client: EmulatedClient = {
      client_id: given.client_id ?? `client-${randomBytes(8).toString('hex')}`,
      client_secret: isPublic ? null : (given.client_secret ?? randomBytes(24).toString('base64url')),
      redirect_uris: given.redirect_uris ?? null,
      token_endpoint_auth_method: given.token_endpoint_auth_method ?? null,
    };
    clients.set(client.client_id, client);
    return client;
  }

  for (const input of initial) add(input);
  return {
    add,
    find: (clientId) => clients.get(clientId) ?? null,
    allowsRedirect: (clientId, redirectUri) => {
      const client = clients.get(clientId);
      if (client === undefined) return false;
      return client.redirect_uris?.includes(redirectUri) ?? isLoopback(redirectUri);
    },
  };
}

function isLoopback(uri: string): boolean {
  if (!URL.canParse(uri)) return false;
  const { protocol, hostname, username, hash } = new URL(uri);
  const loopback = hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
  return loopback && (protocol === 'http:' || protocol === 'https:') && username === '' && hash === '';
}

export function isClientSecret(client: EmulatedClient, presented: string): boolean {
  // Fingerprints have equal length, which timingSafeEqual demands.
  const expected = Buffer.from(fingerprint(client.client_secret ?? ''));
  return client.client_secret !== null && timingSafeEqual(expected, Buffer.from(fingerprint(presented)));
}
