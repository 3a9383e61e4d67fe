// The standards-true mode: oidc-provider with our own pages, clients, store and ledger around it.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { exportJWK, generateKeyPair } from 'jose';
import type { Provider } from 'oidc-provider';
import type { Log } from '../src/kernel/log.ts';
import type { Behaviour } from './behaviour.ts';
import type { ClientRegistry } from './client-registry.ts';
import { clientMetadata, standardsConfiguration } from './standards-configuration.ts';
import { createStandardsExchange } from './standards-exchange.ts';
import { createStandardsInteraction, type StandardsInteraction } from './standards-interaction.ts';
import { createStandardsStore, type StandardsStore } from './standards-store.ts';
import type { Executor } from './token-desk.ts';

export type StandardsMode = {
  readonly executor: Executor;
  readonly interaction: StandardsInteraction;
  readonly store: StandardsStore;
  /** Everything that the ledger does not watch: discovery, keys, authorize, userinfo, introspection. */
  readonly handle: (req: IncomingMessage, res: ServerResponse) => Promise<void>;
};

export async function createStandardsMode(options: {
  readonly issuer: string;
  readonly behaviour: Behaviour;
  readonly clients: ClientRegistry;
  readonly log: Log;
}): Promise<StandardsMode> {
  const { issuer, behaviour, clients, log } = options;
  let refuse = (description: string) => new Error(description);
  const store = createStandardsStore({
    now: behaviour.now,
    refusal: (description) => refuse(description),
    findClient: (id) => clientMetadata(clients.find(id)),
  });
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const signingKey = { ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig', kid: 'emulator' };
  const provider = await quietly(log, async () => {
    const { Provider, errors } = await import('oidc-provider');
    refuse = (description) => new errors.InvalidGrant(description);
    return new Provider(issuer, standardsConfiguration({ store, behaviour, signingKey }));
  });
  // The registry knows "any loopback URI", which static metadata cannot say.
  provider.Client.prototype.redirectUriAllowed = function (this: { clientId: string }, uri: string) {
    return clients.allowsRedirect(this.clientId, uri);
  };
  // oidc-provider drops scopes it was not told of; the emulator stands in for services with any scopes.
  Object.defineProperty(provider.OIDCContext.prototype, 'requestParamOIDCScopes', {
    get(this: { readonly requestParamScopes: Set<string> }) {
      return this.requestParamScopes;
    },
  });
  provider.on('server_error', (_context, error) => log.error('emulator failed', { reason: error.message }));
  const executor = createStandardsExchange({ provider, store, clients });
  const koa = provider.callback();

  return {
    store,
    executor,
    interaction: createStandardsInteraction(provider),
    handle: async (req, res) => void (await koa(req, res)),
  };
}

// oidc-provider speaks to the console while it loads; its notices belong into our log.
async function quietly(log: Log, work: () => Promise<Provider>): Promise<Provider> {
  const { warn, info } = console;
  const route =
    (original: typeof warn) =>
    (...args: unknown[]): void => {
      const text = String(args[0]);
      if (text.includes('oidc-provider ')) log.debug('oidc-provider', { notice: text });
      else original(...args);
    };
  console.warn = route(warn);
  console.info = route(info);
  try {
    return await work();
  } finally {
    console.warn = warn;
    console.info = info;
  }
}
