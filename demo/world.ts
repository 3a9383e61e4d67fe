// The outside world of the demo: an emulated OAuth provider and stand-ins of three services, all on loopback. The
// Dropbox stand-in believes the provider, so a token is good there exactly as long as the provider says.
import { randomBytes } from 'node:crypto';
import { type Emulator, startEmulator } from '../providers/emulator.ts';
import { type StandIns, startStandIns } from './stand-ins/stand-ins.ts';

export type World = {
  readonly provider: Emulator;
  readonly standIns: StandIns;
  /** The OAuth app at the provider. */
  readonly app: { readonly clientId: string; readonly clientSecret: string };
  /** Whoever signs in at the provider. */
  readonly account: string;
  /** What one does on a provider's page for developers: only this address gets codes of the app. */
  readonly registerRedirect: (redirectUri: string) => void;
  /** Access tokens that were shown to Dropbox: the demo looks for them in the data directory. */
  readonly tokensShown: ReadonlySet<string>;
  readonly announcement: readonly string[];
  /** What a server that reaches nothing but public addresses must be allowed to reach. */
  readonly addresses: readonly string[];
  readonly close: () => Promise<void>;
};

/** So short that a refresh happens while one looks on; at least one run fits into half of it. */
const tokenSeconds = 40;
const account = 'gavin@hooli.example';

export async function openWorld(): Promise<World> {
  const tokensShown = new Set<string>();
  // As a developer's page would hand them out, before the redirect address is known.
  const app = { clientId: 'hooli-photos', clientSecret: randomBytes(24).toString('base64url') };
  const provider = await startEmulator({
    clients: [],
    mode: 'quirky',
    set: {
      accessTokenSeconds: tokenSeconds,
      rotation: 'always',
      reuse: 'revoke_family',
      revokeAccessTokenOnRefresh: true,
      pkce: 'required',
      shape: { fields: { workspace_id: 'dbid:AAHooliStandIn', workspace_name: account } },
    },
  });
  const standIns = await startStandIns({
    isLiveAccessToken: (token) => {
      tokensShown.add(token);
      return provider.isLiveAccessToken(token);
    },
  }).catch(async (error: unknown) => {
    await provider.close();
    throw error;
  });
  const { dropboxApi, dropboxContent, googleMaps, s3 } = standIns.urls;
  return {
    provider,
    standIns,
    app,
    account,
    registerRedirect: (redirectUri) => {
      const { clientId: client_id, clientSecret: client_secret } = app;
      provider.addClient({ client_id, client_secret, redirect_uris: [redirectUri] });
    },
    tokensShown,
    announcement: [
      `OAuth provider        ${provider.url} (emulator)`,
      ...standIns.announcement.filter((line) => !line.startsWith('SFTP')),
    ],
    addresses: [provider.url, dropboxApi, dropboxContent, googleMaps, s3].map((url) => new URL(url).host),
    close: async () => {
      await Promise.all([provider.close(), standIns.close()]);
    },
  };
}
