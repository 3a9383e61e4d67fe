// The story, step by step, each with evidence from outside: the provider's ledger, the stand-ins' ledgers, the bytes of
// the data directory. Only public interfaces are used: pages, the API, the webhook, the command line.
import { join } from 'node:path';
import { walkConsent } from './consent.ts';
import { createCredentials, createCustomer, readCredential } from './customer.ts';
import { createInstance, deployAndEnable, importAndPublish, readConnections } from './deployment.ts';
import { type Ask, createAsk } from './graphql-client.ts';
import { type LatchkeyProcess, startLatchkey } from './latchkey-process.ts';
import { type Owner, setUpOwner } from './owner.ts';
import { type Run, readStepResult, runOnce } from './run.ts';
import { scanForSecrets } from './secret-scan.ts';
import { photoPath } from './stand-ins/stand-ins.ts';
import { hold, waitFor } from './step-failure.ts';
import type { Timeline } from './timeline.ts';
import { openWorld, type World } from './world.ts';

/** Where the world can be told to misbehave, to see the demo fail. */
export const breakPoints = ['consent', 'refresh', 'signature'] as const;
export type BreakPoint = (typeof breakPoints)[number];

export type StoryOptions = {
  readonly timeline: Timeline;
  /** Made by the caller, removed by the caller. */
  readonly folder: string;
  readonly breakAt: BreakPoint | null;
  /** True: the server goes on at the end. */
  readonly keeps: boolean;
  /** Told at once, so that whatever happens they are closed, the last one first. */
  readonly onOpen: (close: () => Promise<unknown>) => void;
};

export type StoryEnd = {
  readonly address: string;
  readonly world: World;
  readonly latchkey: LatchkeyProcess;
  readonly owner: Owner;
};

/** Evidence of several lines stays under its step. */
const lineBreak = '\n              ';

const expectedAddress = '5 Avenue Anatole France, 75007 Paris, France';

export async function tellStory(options: StoryOptions): Promise<StoryEnd> {
  const { timeline, folder, breakAt, onOpen } = options;
  const dataDirectory = join(folder, 'data');
  const world = await timeline.step('The outside world stands in for itself', async () => {
    const value = await openWorld();
    onOpen(value.close);
    return {
      value,
      evidence: value.announcement.join(lineBreak),
      facts: { standIns: value.announcement },
    };
  });
  const latchkey = await timeline.step('Latchkey starts on an empty directory', async () => {
    const value = await startLatchkey({
      dataDirectory,
      logFile: join(folder, 'latchkey.log'),
      egressAllow: world.addresses,
      onSpawn: onOpen,
    });
    return { value, evidence: `${value.url}, process ${value.pid}`, facts: { url: value.url } };
  });
  const owner = await timeline.step('The owner sets it up and makes an API token', async () => {
    const value = await setUpOwner(latchkey.url, latchkey.setupUrl);
    const evidence = `${value.email}, by the form of the one-time link (used again: 410); token ${value.apiToken.slice(0, 6)}...`;
    return { value, evidence, facts: { email: value.email } };
  });
  const ask = createAsk(latchkey.url, owner.apiToken);
  const { customer, credentials } = await storeCredentials({ timeline, ask, world, breakAt });
  const consent = await timeline.step(
    'The account is connected, and confirmed to be the right one',
    async () => {
      hold(credentials.dropbox.authorizeUrl !== null, 'the API tells the start page');
      const decision = breakAt === 'consent' ? 'deny' : 'allow';
      const startUrl = credentials.dropbox.authorizeUrl;
      const value = await walkConsent({ browser: owner.browser, startUrl, world, decision });
      const { readyForUse } = await readCredential(ask, credentials.dropbox.id);
      hold(readyForUse, 'the credential is ready for use');
      const token = value.exchange.accessTokenIssued;
      const evidence = `"${value.headings.at(-1)}"; the provider's ledger: 1 code exchange with PKCE, access token #${token}`;
      return { value, evidence, facts: { headings: value.headings, codeExchanges: 1, accessToken: token } };
    },
  );
  if (breakAt === 'refresh') refuseRefreshes(world);
  const deployed = await deploy(timeline, ask, { customer, credentials, world });
  const told = { timeline, ask, world, ...deployed };
  const address = await firstRun({ ...told, token: consent.exchange.accessTokenIssued });
  const renewed = await backgroundRefresh(timeline, world, consent);
  await secondRun({ ...told, grant: consent.grant });
  await disconnect({ ...told, credentialId: credentials.dropbox.id, grant: consent.grant, token: renewed });
  await thirdRun(told);
  await scan({ timeline, folder: dataDirectory, world, owner, latchkey, keeps: options.keeps });
  return { address, world, latchkey, owner };
}

async function storeCredentials(of: {
  readonly timeline: Timeline;
  readonly ask: Ask;
  readonly world: World;
  readonly breakAt: BreakPoint | null;
}) {
  const { timeline, ask, world, breakAt } = of;
  const { secretAccessKey } = world.standIns.accounts.s3;
  return await timeline.step('The customer Hooli gets three credentials', async () => {
    const customer = await createCustomer(ask);
    const awsSecret = breakAt === 'signature' ? secretAccessKey.toLowerCase() : secretAccessKey;
    const credentials = await createCredentials(ask, customer, world, awsSecret);
    const all = Object.values(credentials);
    const isSilent = all.every(({ values }) => values.every(({ value }) => value === null));
    hold(isSilent, 'no answer holds a value that was stored');
    const { redirectUri, readyForUse } = credentials.dropbox;
    hold(
      redirectUri !== null && !readyForUse,
      'the OAuth credential waits for a consent and tells its redirect URI',
    );
    world.registerRedirect(redirectUri);
    const fields = all.map(({ label, values }) => `${label} (${values.map(({ key }) => key).join(', ')})`);
    return {
      value: { customer, credentials },
      evidence: `${fields.join(', ')}; no answer shows a value; redirect URI ${redirectUri}`,
      facts: { credentials: all.map(({ id, label }) => ({ id, label })), redirectUri },
    };
  });
}

/** Like a provider whose administrator took the app away. */
function refuseRefreshes(world: World): void {
  world.provider.schedule([{ fault: 'oauth_error', error: 'invalid_grant', on: 'refresh', times: null }]);
}

async function deploy(
  timeline: Timeline,
  ask: Ask,
  of: Omit<Parameters<typeof createInstance>[1], 'integration'>,
) {
  const integration = await timeline.step('The integration is imported and published', async () => {
    const value = await importAndPublish(ask);
    const evidence = 'demo/reverse-geocode.yaml, published as version 1';
    return { value, evidence, facts: { versionNumber: value.versionNumber } };
  });
  return await timeline.step('An instance for Hooli is bound, deployed and enabled', async () => {
    const instanceId = await createInstance(ask, { ...of, integration: integration.id });
    const webhookUrl = await deployAndEnable(ask, instanceId);
    const connections = await readConnections(ask, instanceId);
    hold(connections.length === 3, `three connections are bound (${connections.length})`);
    const evidence = `3 connections bound to stored credentials; webhook ${webhookUrl.slice(0, 48)}...`;
    return { value: { instanceId, webhookUrl }, evidence, facts: { instanceId } };
  });
}

type Told = {
  readonly timeline: Timeline;
  readonly ask: Ask;
  readonly world: World;
  readonly instanceId: string;
  readonly webhookUrl: string;
};

/** What the stand-ins saw of a run that began when their ledgers were `from` long. */
function deliveryOf(world: World, album: string, from: number) {
  const { standIns } = world;
  const uses = standIns.ledgers.dropbox.entries().slice(from);
  const download = uses.find((entry) => entry.path.endsWith('/files/download') && entry.status === 200);
  const { bucket } = standIns.accounts.s3;
  const key = `${album}/${photoPath.split('/').at(-1)}.txt`;
  const stored = standIns.s3.objectAt(bucket, key);
  hold(download !== undefined, 'Dropbox handed out the photo');
  hold(stored !== null, `the bucket holds ${key}`);
  const address = stored.bytes.toString('utf8');
  hold(address === expectedAddress, `the object holds the address (it holds "${address}")`);
  return { address, fingerprint: download.fingerprint, where: `s3://${bucket}/${key}` };
}

async function run(told: Told, album: string): Promise<Run & { readonly from: number }> {
  const from = told.world.standIns.ledgers.dropbox.entries().length;
  return { ...(await runOnce({ ...told, album })), from };
}

async function firstRun(told: Told & { readonly token: string | null }): Promise<string> {
  const { timeline, world, ask, instanceId } = told;
  return await timeline.step('First run: the photo becomes an address in S3', async () => {
    const done = await run(told, 'first');
    hold(done.error === null, `the execution succeeded (${done.error})`);
    const { address, fingerprint, where } = deliveryOf(world, 'first', done.from);
    hold(fingerprint === told.token, 'the photo was fetched with the token of the consent');
    const connections = await readConnections(ask, instanceId);
    const red = connections.filter(({ status }) => status !== 'ACTIVE');
    hold(red.length === 0, `all three connections are green (${red.map(({ key }) => key).join(', ')})`);
    const found = (await readStepResult(done, 'Find Address')) as { address?: string };
    hold(found.address === address, 'the result of the step Find Address is the address');
    const position = done.logs.find(({ message }) => message.includes('was taken at'))?.message;
    hold(position !== undefined, 'the log tells where the photo was taken');
    const evidence = [
      `${done.steps.map(({ name }) => name).join(' > ')} in ${done.durationMs} ms; 3 connections green`,
      `Dropbox: fetched with token #${fingerprint}; log: "${position}"`,
      `${where}: "${address}", signed with AWS Signature Version 4`,
    ].join(lineBreak);
    const facts = { execution: done, address, token: fingerprint, object: where, connections };
    return { value: address, evidence, facts };
  });
}

async function backgroundRefresh(
  timeline: Timeline,
  world: World,
  consent: { readonly grant: string; readonly exchange: { readonly accessTokenIssued: string | null } },
): Promise<string> {
  return await timeline.step('The token is refreshed in the background, before it ends', async () => {
    const { ledger } = world.provider;
    const [refresh] = await waitFor('a refresh', 25, () => {
      const refreshes = ledger.refreshesOf(consent.grant).filter(({ endedAt }) => endedAt !== null);
      return refreshes.length === 0 ? null : refreshes;
    });
    hold(refresh?.outcome === 'issued', `the provider renewed the token (${refresh?.outcome})`);
    const { accessTokenIssued: token, refreshTokenIssued, refreshTokenPresented } = refresh;
    hold(token !== null && token !== consent.exchange.accessTokenIssued, 'the access token is another one');
    hold(refreshTokenIssued !== refreshTokenPresented, 'the refresh token was rotated');
    const alive = [...world.tokensShown].filter((shown) => world.provider.isLiveAccessToken(shown));
    hold(alive.length === 0, 'the old access token is dead at the provider');
    const evidence = `the provider's ledger: 1 refresh, refresh token rotated, access token #${token}; the old one is dead`;
    return { value: token, evidence, facts: { refreshes: 1, accessToken: token } };
  });
}

async function secondRun(told: Told & { readonly grant: string }): Promise<void> {
  const { timeline, world } = told;
  await timeline.step('Second run: with the new token, and nobody noticed', async () => {
    const done = await run(told, 'second');
    hold(done.error === null, `the execution succeeded (${done.error})`);
    const { fingerprint, where } = deliveryOf(world, 'second', done.from);
    const { ledger } = world.provider;
    // One, or on a slow machine a second one that became due meanwhile.
    const refreshed = ledger.refreshesOf(told.grant);
    const refreshes = refreshed.length;
    const isRefreshed = refreshed.some(({ accessTokenIssued }) => accessTokenIssued === fingerprint);
    hold(isRefreshed, 'the photo was fetched with the token of a refresh');
    const presented = new Set(refreshed.map(({ refreshTokenPresented }) => refreshTokenPresented));
    hold(presented.size === refreshes, 'no refresh token was presented twice');
    hold(ledger.outstandingMax(told.grant) === 1, 'never two token requests at once');
    const evidence = `fetched with token #${fingerprint}; ${where}; ${refreshes} refresh so far, never two token requests at once`;
    return { value: undefined, evidence, facts: { execution: done, token: fingerprint, refreshes } };
  });
}

async function disconnect(
  told: Told & { readonly credentialId: string; readonly grant: string; readonly token: string },
): Promise<void> {
  const { timeline, world, ask } = told;
  await timeline.step('Disconnected: here at once, at the provider by revocation', async () => {
    type Answer = { disconnectConnection: { credential: { readyForUse: boolean } } };
    const { disconnectConnection } = await ask<Answer>(
      `mutation($id: ID!) { disconnectConnection(input: {id: $id}) {
         credential { readyForUse } errors { field messages } } }`,
      { id: told.credentialId },
    );
    hold(!disconnectConnection.credential.readyForUse, 'the credential is not ready for use any more');
    const revoked = await waitFor('the revocation at the provider', 15, () => {
      const found = world.provider.ledger.records().filter(({ kind }) => kind === 'revoke');
      return found.some(({ outcome, endedAt }) => outcome === 'revoked' && endedAt !== null) ? found : null;
    });
    const alive = [...world.tokensShown].filter((token) => world.provider.isLiveAccessToken(token));
    hold(alive.length === 0, 'no access token is alive at the provider');
    const evidence = `the provider's ledger: ${revoked.length} revocation(s); token #${told.token} is dead`;
    return { value: undefined, evidence, facts: { revocations: revoked.length } };
  });
}

async function thirdRun(told: Told): Promise<void> {
  const { timeline, ask, instanceId } = told;
  await timeline.step('Third run: fails, and says why', async () => {
    const done = await run(told, 'third');
    hold(done.error !== null, 'the execution failed');
    hold(/disconnect/i.test(done.error), `the reason is told (it is "${done.error}")`);
    const { dropbox } = told.world.standIns.ledgers;
    hold(dropbox.entries().length === done.from, 'nothing was asked of Dropbox');
    const connections = await readConnections(ask, instanceId);
    const connection = connections.find(({ key }) => key === 'Dropbox Connection');
    hold(connection !== undefined && connection.status !== 'ACTIVE', 'the connection is not green any more');
    hold(
      connection.reason !== null && connection.log.length > 0,
      'the connection tells its reason and has a log',
    );
    const evidence = `"${done.error}"; connection ${connection.status}: ${connection.reason}`;
    return { value: undefined, evidence, facts: { execution: done, connection } };
  });
}

async function scan(of: {
  readonly timeline: Timeline;
  readonly folder: string;
  readonly world: World;
  readonly owner: Owner;
  readonly latchkey: LatchkeyProcess;
  readonly keeps: boolean;
}): Promise<void> {
  const { world, owner } = of;
  const { accounts } = world.standIns;
  await of.timeline.step('No secret stands in the data directory', async () => {
    // Stopped first where it may be: then everything is on the disk that will ever be.
    const code = of.keeps ? 0 : await of.latchkey.stop();
    hold(code === 0, `Latchkey stops in order (exit code ${code})`);
    const shown = [...world.tokensShown].map((token, index): [string, string] => [
      `access token ${index + 1}`,
      token,
    ]);
    const secrets = {
      'Google Maps key': accounts.googleMaps.apiKey,
      'AWS secret': accounts.s3.secretAccessKey,
      'OAuth client secret': world.app.clientSecret,
      'API token': owner.apiToken,
      password: owner.password,
      ...Object.fromEntries(shown),
    };
    // A scan that finds nothing must be known to find something.
    const control = scanForSecrets(of.folder, { control: 'Photos of Hooli' });
    hold(control.hits.length > 0, 'the scan finds what is not secret');
    const found = scanForSecrets(of.folder, secrets);
    hold(found.hits.length === 0, `no secret is found (${found.hits.join('; ')})`);
    const count = Object.keys(secrets).length;
    const evidence = `${count} secrets in 5 spellings against ${found.files} files, ${found.megabytes} MB: 0 hits`;
    return { value: undefined, evidence, facts: { secrets: count, ...found } };
  });
}
