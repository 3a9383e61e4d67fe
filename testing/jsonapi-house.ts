// The JSON:API face on a port of its own, over a furnished house; an emulator is the provider behind it.
import type { FastifyInstance } from 'fastify';
import { type Emulator, startEmulator } from '../providers/emulator.ts';
import { createReadAudit } from '../src/audit/read-audit.ts';
import { createAuthorize } from '../src/authorize/authorize.ts';
import type { House } from '../src/faces/house.ts';
import { createAuthenticate } from '../src/faces/http/authenticate.ts';
import { createHttpServer } from '../src/faces/http/server.ts';
import { registerJsonApi } from '../src/faces/jsonapi/register.ts';
import { systemClock } from '../src/kernel/clock.ts';
import { newId } from '../src/kernel/ids.ts';
import { silentLog } from '../src/kernel/log.ts';
import { createEgress } from '../src/oauth/egress.ts';
import { createUseNotes } from '../src/refresh/note-use.ts';
import { createTokenReader } from '../src/refresh/read-token.ts';
import { createReadCredential } from '../src/refresh/reading.ts';
import { createRefreshFlight } from '../src/refresh/refresh-flight.ts';
import { createRefreshOne } from '../src/refresh/refresh-one.ts';
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
  readonly house: House;
  readonly emulator: Emulator;
  /** Base URL without `/v2`. */
  readonly url: string;
  readonly ownerToken: string;
  readonly tokenOf: (actor: Actor) => Promise<string>;
  /** `path` from `/v2` on. JSON of `body`, or exactly the text that it is. */
  readonly ask: (
    method: string,
    path: string,
    body?: unknown,
    options?: { readonly token?: string; readonly headers?: Record<string, string> },
  ) => Promise<JsonApiAnswer>;
  /** The face once more, as another process on the same database. */
  readonly again: () => Promise<{ readonly url: string; readonly close: () => Promise<void> }>;
  readonly close: () => Promise<void>;
};

export async function openJsonApiHouse(): Promise<JsonApiHouse> {
  const rooms = await openTestHouse();
  const emulator = await startEmulator({ set: { rotation: 'always' } });
  const first = await serve(rooms, emulator, { doors: rooms.doors, vault: rooms.vault });
  const tokenOf = (actor: Actor) =>
    rooms.doors.withTenant(actor.tenant, async (tx) => {
      const { principalId } = actor;
      return (await createApiToken({ tx, actor: null, principalId, name: 'test' })).token;
    });
  const ownerToken = await tokenOf(rooms.owner);
  return {
    rooms,
    house: first.house,
    emulator,
    url: first.url,
    ownerToken,
    tokenOf,
    ask: async (method, path, body, { token = ownerToken, headers = {} } = {}) => {
      const response = await fetch(`${first.url}/v2${path}`, {
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
    },
    again: async () => {
      const { doors } = rooms.database.again();
      return await serve(rooms, emulator, { doors, vault: rooms.testVault.again({ doors }) });
    },
    close: async () => {
      await first.close();
      await emulator.close();
      await rooms.close();
    },
  };
}

async function serve(
  rooms: TestHouse,
  emulator: Emulator,
  own: { readonly doors: Doors; readonly vault: Vault },
): Promise<{ readonly house: House; readonly url: string; readonly close: () => Promise<void> }> {
  let url = '';
  const house = furnish(rooms, emulator, own, () => url);
  const app: FastifyInstance = createHttpServer({
    log: silentLog,
    trustedHops: 0,
    tls: null,
    isHttps: false,
  });
  await registerJsonApi(app, house);
  url = await app.listen({ host: '127.0.0.1', port: 0 });
  return {
    house,
    url,
    close: async () => {
      await app.close();
      await house.readAudit.drain();
      await house.useNotes.drain();
    },
  };
}

function furnish(
  rooms: TestHouse,
  emulator: Emulator,
  { doors, vault }: { readonly doors: Doors; readonly vault: Vault },
  publicUrl: () => string,
): House {
  const { authority } = rooms;
  const clock = systemClock;
  const log = silentLog;
  const random = Math.random;
  const egress = createEgress({ allow: [new URL(emulator.url).host], log });
  const refreshOne = createRefreshOne({ doors, vault, egress, clock, random, log });
  const processId = newId<never>() as string;
  const { fly } = createRefreshFlight({
    doors,
    clock,
    log,
    processId,
    heartbeat: { isSeen: () => true },
    refreshOne,
  });
  const readCredential = createReadCredential({ doors, vault, onFlush: authority.onFlush });
  const actorBySession = async () => null;
  return {
    publicUrl,
    clock,
    random,
    log,
    doors,
    vault,
    authority,
    reader: createTokenReader({ clock, readCredential, fly }),
    authorize: createAuthorize({
      doors,
      vault,
      egress,
      clock,
      random,
      mailer: { send: async () => {} },
      publicUrl: 'https://latchkey.example.com',
      log,
      allowHeadless: false,
      pinnedProviders: [],
    }),
    readAudit: createReadAudit({ doors, log }),
    useNotes: createUseNotes({ doors, log }),
    actorBySession,
    authenticate: createAuthenticate({ actorByApiToken: authority.actorByApiToken, actorBySession }),
  };
}
