// The types of auth clients: how their credentials are read from a request, and shown. Client secrets go in and never
// come out.
import type { AuthClient, NewClient } from '../../../credentials/auth-client.ts';
import type { RefreshMode } from '../../../credentials/auth-client-store.ts';
import type { RegistrationIdentity } from '../../../credentials/registration.ts';
import { invalidField } from '../../../kernel/fault.ts';
import { Plain } from '../../../kernel/plain.ts';
import { checkEndpointUrl } from '../../../oauth/endpoint-url.ts';
import { createProvider } from '../../../oauth/provider.ts';
import { credentialsPath, neverShown } from '../kinds/secret-kind.ts';
import { readPart } from '../read-input.ts';
import {
  changedOauth2ClientCredentials,
  freeClientCredentials,
  oauth2ClientCredentials,
} from './auth-client-body.ts';

type ClientCredentials = Pick<
  NewClient,
  'identity' | 'secret' | 'values' | 'tokenExpiresInSeconds' | 'leadSeconds' | 'refreshMode'
>;
export type ClientChange = {
  readonly secret?: Plain;
  readonly values?: Readonly<Record<string, unknown>>;
  readonly tokenExpiresInSeconds?: number | null;
  readonly leadSeconds?: number | null;
  readonly refreshMode?: RefreshMode;
};

export type ClientKind = {
  readonly read: (credentials: unknown) => ClientCredentials;
  readonly change: (credentials: unknown, current: AuthClient) => ClientChange;
  /** `values`: the free values of the client, or null where they may not be seen. */
  readonly show: (
    client: AuthClient,
    values: Readonly<Record<string, unknown>> | null,
  ) => Readonly<Record<string, unknown>>;
};

/** Documented by the dialect; the provider's own word and habits come before it. */
const defaultLifetimeSeconds = 3_600;
const defaultMode: RefreshMode = 'eager';

const oauth2Client: ClientKind = {
  read(credentials) {
    const given = readPart(oauth2ClientCredentials, credentials ?? {}, credentialsPath);
    const { client_secret: secret } = given;
    if (secret === neverShown) throw placeholderGiven();
    for (const name of addresses) checkAddress(name, given[name]);
    if (secret === undefined && given.client_auth !== 'none') {
      throw invalidField(
        `${credentialsPath.join('.')}.client_secret`,
        'is missing.',
        'Give it, or say "client_auth": "none" for an app without one.',
      );
    }
    return {
      identity: {
        clientId: given.client_id,
        authorizeUrl: given.auth_uri,
        tokenUrl: given.token_uri,
        refreshUrl: given.refresh_token_uri ?? null,
        revokeUrl: given.revoke_token_uri ?? null,
        clientAuth:
          given.client_auth ?? createProvider({ authorizeUrl: null, tokenUrl: given.token_uri }).clientAuth,
      },
      secret: secret === undefined ? null : Plain.fromText(secret),
      tokenExpiresInSeconds: given.token_expires_in ?? null,
      leadSeconds: given.refresh_lead ?? null,
      refreshMode: given.refresh_mode ?? defaultMode,
    };
  },

  change(credentials, current) {
    const given = readPart(changedOauth2ClientCredentials, credentials ?? {}, credentialsPath);
    const shown = oauth2Client.show(current, null);
    const moved = fixed.filter((name) => given[name] !== undefined && given[name] !== shown[name]);
    for (const name of addresses) if (moved.includes(name)) checkAddress(name, given[name]);
    if (moved[0] !== undefined) {
      throw invalidField(
        `${credentialsPath.join('.')}.${moved[0]}`,
        'cannot be changed once the client is made.',
        'Leave it out, or make another auth client.',
      );
    }
    const {
      client_secret: secret,
      token_expires_in: lifetime,
      refresh_lead: lead,
      refresh_mode: mode,
    } = given;
    return {
      ...(secret === undefined || secret === neverShown ? {} : { secret: Plain.fromText(secret) }),
      ...(lifetime === undefined || lifetime === shown.token_expires_in
        ? {}
        : { tokenExpiresInSeconds: lifetime }),
      ...(lead === undefined ? {} : { leadSeconds: lead }),
      ...(mode === undefined ? {} : { refreshMode: mode ?? defaultMode }),
    };
  },

  show(client) {
    const { registration } = client;
    return {
      ...(registration === null ? {} : identityShown(registration)),
      token_expires_in: client.tokenExpiresInSeconds ?? defaultLifetimeSeconds,
      ...(client.leadSeconds === null ? {} : { refresh_lead: client.leadSeconds }),
      ...(client.refreshMode === defaultMode ? {} : { refresh_mode: client.refreshMode }),
    };
  },
};

const addresses = ['auth_uri', 'token_uri', 'refresh_token_uri', 'revoke_token_uri'] as const;
/** As the dialect has it: whoever consented did so to this app at these addresses. */
const fixed = ['client_id', ...addresses, 'client_auth'] as const;

/** As the dialect's own example has them, `{TOKEN_URI}`: no address yet, and refused where one is to be used. */
const placeholder = /^\{\w+\}$/;

function checkAddress(name: string, text: string | undefined): void {
  if (text === undefined || placeholder.test(text)) return;
  checkEndpointUrl(text, `${credentialsPath.join('.')}.${name}`);
}

function identityShown(identity: RegistrationIdentity): Readonly<Record<string, unknown>> {
  return {
    client_id: identity.clientId,
    ...(identity.clientAuth === 'none' ? {} : { client_secret: neverShown }),
    auth_uri: identity.authorizeUrl,
    token_uri: identity.tokenUrl,
    refresh_token_uri: identity.refreshUrl ?? identity.tokenUrl,
    ...(identity.revokeUrl === null ? {} : { revoke_token_uri: identity.revokeUrl }),
    client_auth: identity.clientAuth === 'basic_raw' ? 'basic' : identity.clientAuth,
  };
}

const freeClient: ClientKind = {
  read(credentials) {
    const values = readPart(freeClientCredentials, credentials ?? {}, credentialsPath);
    return { identity: null, secret: null, values };
  },
  change(credentials) {
    const values = readPart(freeClientCredentials, credentials ?? {}, credentialsPath);
    if (Object.values(values).includes(neverShown)) throw placeholderGiven();
    return { values };
  },
  show: (_client, values) => values ?? {},
};

/** The provider's address decides how its tokens are renewed; under another one this type would promise what does not happen. */
const instagramClient: ClientKind = {
  ...oauth2Client,
  read(credentials) {
    const read = oauth2Client.read(credentials);
    const tokenUrl = read.identity?.tokenUrl ?? '';
    if (createProvider({ authorizeUrl: null, tokenUrl }).longLived !== null) return read;
    throw invalidField(
      `${credentialsPath.join('.')}.token_uri`,
      'is not the address of Instagram.',
      'Give https://api.instagram.com/oauth/access_token, or use the type oauth2.',
    );
  },
};

function placeholderGiven() {
  return invalidField(
    credentialsPath.join('.'),
    'holds the placeholder that answers show, not a value.',
    'Give the value itself, or leave it out.',
  );
}

export function clientKindOf(type: string): ClientKind {
  if (type === 'oauth2') return oauth2Client;
  return type === 'oauth2_instagram' ? instagramClient : freeClient;
}
