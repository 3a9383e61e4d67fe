// The JSON:API face on a port of its own, over a furnished house; an emulator is the provider behind it.
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { demoClient } from '../providers/client-registry.ts';
import { type Emulator, startEmulator } from '../providers/emulator.ts';
import { createTrialClient } from '../providers/trial-client.ts';
import { createReadAudit } from '../src/audit/read-audit.ts';
import { getBuiltinType } from '../src/credentials/connection-type.ts';
import { createCredential } from '../src/credentials/create-credential.ts';
import type { Credential } from '../src/credentials/credential.ts';
import { createAuthenticate } from '../src/faces/http/authenticate.ts';
import { createHttpServer } from '../src/faces/http/server.ts';
import { registerJsonApi } from '../src/faces/jsonapi/register.ts';
import type { Rooms } from '../src/faces/jsonapi/rooms.ts';
import { systemClock, systemSleep } from '../src/kernel/clock.ts';
import { newId, type UnitId } from '../src/kernel/ids.ts';
import { silentLog } from '../src/kernel/log.ts';
import { Plain } from '../src/kernel/plain.ts';
import { createEgress } from '../src/oauth/egress.ts';
import type { Heartbeat } from '../src/refresh/heartbeat.ts';
import { createUseNotes } from '../src/refresh/note-use.ts';
import { createRefresh } from '../src/refresh/refresh.ts';
import type { Doors } from '../src/storage/doors.ts';
import type { Actor } from '../src/tenancy/actor.ts';
import { createApiToken } from '../src/tenancy/api-token.ts';
import type { Vault } from '../src/vault/vault.ts';
import { openTestHouse, type TestHouse } from './test-house.ts';

export type JsonApiAnswer = {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests reach into answers of every shape
  readonly body: any;
};

export type JsonApiHouse = {
  readonly rooms: TestHouse;
  readonly face: Rooms;
  readonly emulator: Emulator;
  /** Base URL without `/v2`. */
  readonly url: string;
  readonly ownerToken: string;
  readonly tokenOf: (actor: Actor) => Promise<string>;
  /** `path` from `/v2` on, or one of the runtime's. JSON of `body`, or exactly the text that it is. */
  readonly ask: (
    method: string,
    path: string,
    body?: unknown,
    options?: { readonly token?: string; readonly headers?: Record<string, string> },
  ) => Promise<JsonApiAnswer>;
  /** An oauth2 auth client of the emulator at the organization; answers its id. */
  readonly makeClient: (
    credentials?: Record<string, unknown>,
    level?: Record<string, unknown>,
  ) => Promise<string>;
  /** A secret of that client in the customer's workspace, holding a live grant of the emulator. */
  readonly makeSecret: (
    clientId: string,
    credentials?: Record<string, unknown>,
  ) => Promise<{
    readonly id: string;
    readonly path: string;
    readonly accessToken: string;
    readonly refreshToken: string;
  }>;
  /** The face once more, as another process on the same database. */
  readonly again: () => Promise<{ readonly url: string; readonly close: () => Promise<void> }>;
  readonly close: () => Promise<void>;
};

/** `allow`: hosts beside the emulator's that may be called. */
export async function openJsonApiHouse(allow: readonly string[] = []): Promise<JsonApiHouse> {
  const rooms = await openTestHouse();
  const emulator = await startEmulator({ set: { rotation: 'always' } });
  const allowed = [new URL(emulator.url).host, ...allow];
  const first = await serve(rooms, allowed, { doors: rooms.doors, vault: rooms.vault });
  const tokenOf = (actor: Actor) =>
    rooms.doors.withTenant(actor.tenant, async (tx) => {
      const { principalId } = actor;
      return (await createApiToken({ tx, actor: null, principalId, name: 'test' })).token;
    });
  const ownerToken = await tokenOf(rooms.owner);
  const ask = askAt(first.url, ownerToken);
  return {
    rooms,
    face: first.face,
    emulator,
    url: first.url,
    ownerToken,
    tokenOf,
    ask,
    makeClient: async (credentials = {}, level = {}) => {
      const made = await ask('POST', '/auth-clients', clientBody(emulator, credentials, level));
      if (made.status !== 201) throw new Error(made.text);
      return made.body.data.id;
    },
    makeSecret: async (clientId, credentials = {}) => {
      const { accessToken, refreshToken } = await createTrialClient(emulator).connect();
      const collection = `/workspaces/${rooms.customer.id}/secrets`;
      const given = {
        access_token: accessToken,
        refresh_token: refreshToken,
        expires_in: 3600,
        ...credentials,
      };
      const made = await ask('POST', collection, secretBody(clientId, given));
      if (made.status !== 201) throw new Error(made.text);
      const { id } = made.body.data;
      return { id, path: `${collection}/${id}`, accessToken, refreshToken };
    },
    again: async () => {
      const { doors } = rooms.database.again();
      return await serve(rooms, allowed, { doors, vault: rooms.testVault.again({ doors }) });
    },
    close: async () => {
      await first.close();
      await emulator.close();
      await rooms.close();
    },
  };
}

function askAt(url: string, ownerToken: string): JsonApiHouse['ask'] {
  return async (method, path, body, { token = ownerToken, headers = {} } = {}) => {
    const response = await fetch(`${url}${fromRoot(path)}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      text,
      headers: response.headers,
      body: text === '' ? null : JSON.parse(text),
    };
  };
}

/** Addresses of the runtime of components stand beside `/v2`. */
export function fromRoot(path: string): string {
  return /^\/(v1|sailor-support)\//.test(path) ? path : `/v2${path}`;
}

/** A flow with one step, which uses that secret. */
export function flowBody(
  workspaceId: string,
  node: Record<string, unknown> = {},
  attributes: Record<string, unknown> = {},
) {
  const step = { id: 'step_1', command: 'team/crm:get@latest', component_id: 'component-1', ...node };
  return {
    data: {
      type: 'flow',
      attributes: { name: 'Contacts', type: 'ordinary', graph: { nodes: [step], edges: [] }, ...attributes },
      relationships: { workspace: { data: { id: workspaceId, type: 'workspace' } } },
    },
  };
}

export function clientBody(
  emulator: Pick<Emulator, 'url'>,
  credentials: Record<string, unknown> = {},
  level: Record<string, unknown> = {},
) {
  const { url } = emulator;
  return {
    data: {
      type: 'auth-client',
      attributes: {
        type: 'oauth2',
        name: 'Emulator',
        credentials: {
          client_id: demoClient.client_id,
          client_secret: demoClient.client_secret,
          auth_uri: `${url}/authorize`,
          token_uri: `${url}/token`,
          refresh_token_uri: `${url}/token?tenant=acme`,
          ...credentials,
        },
      },
      relationships: { components: { data: [{ id: 'component-1', type: 'component' }] }, ...level },
    },
  };
}

export function secretBody(
  clientId: string,
  credentials: Record<string, unknown>,
  attributes: Record<string, unknown> = {},
) {
  return {
    data: {
      type: 'auth-secret',
      attributes: { name: 'My account', state: 'ready', credentials, ...attributes },
      relationships: { auth_client: { data: { id: clientId, type: 'auth-client' } } },
    },
  };
}

async function serve(
  rooms: TestHouse,
  allow: readonly string[],
  own: { readonly doors: Doors; readonly vault: Vault },
): Promise<{ readonly face: Rooms; readonly url: string; readonly close: () => Promise<void> }> {
  const face = furnish(rooms, allow, own);
  const app: FastifyInstance = createHttpServer({
    log: silentLog,
    trustedHops: 0,
    tls: null,
    isHttps: false,
  });
  await registerJsonApi(app, face);
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  return {
    face,
    url,
    close: async () => {
      await app.close();
      await face.readAudit.drain();
      await face.useNotes.drain();
    },
  };
}

/** Nobody else is there who could take over. */
const unheard: Heartbeat = {
  beat: async () => {},
  isSeen: () => true,
  isWitness: () => true,
  forgetSilent: async () => {},
  end: async () => {},
};

function furnish(
  rooms: TestHouse,
  allow: readonly string[],
  { doors, vault }: { readonly doors: Doors; readonly vault: Vault },
): Rooms {
  const { authority } = rooms;
  const clock = systemClock;
  const log = silentLog;
  const random = Math.random;
  const egress = createEgress({ allow, log });
  const { reader } = createRefresh({
    doors,
    vault,
    egress,
    clock,
    sleep: systemSleep,
    random,
    log,
    processId: newId<never>() as string,
    heartbeat: unheard,
    gates: [],
    journalFolder: join(rooms.testVault.folder, 'answers'),
    isAlone: false,
    forcedWindowSeconds: 5,
  });
  return {
    clock,
    random,
    doors,
    vault,
    authority,
    reader,
    readAudit: createReadAudit({ doors, log, clock: systemClock }),
    useNotes: createUseNotes({ doors, log }),
    authenticate: createAuthenticate({
      actorByApiToken: authority.actorByApiToken,
      actorBySession: async () => null,
    }),
  };
}

/** A credential that another dialect has made in that unit. */
export async function createCredentialElsewhere(rooms: TestHouse, unitId: UnitId): Promise<Credential> {
  const { doors, tenant, vault, owner } = rooms;
  return await doors.withTenant(tenant, async (tx) =>
    createCredential({
      tx,
      vault,
      actor: owner,
      unitId,
      label: 'From elsewhere',
      type: await getBuiltinType(tx, 'api_key_secret'),
      values: new Map([
        ['api_key', Plain.fromText('k')],
        ['api_secret', Plain.fromText('s')],
      ]),
    }),
  );
}
