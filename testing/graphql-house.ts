// The GraphQL face over real HTTP on a furnished house: tokens for every kind of caller, and a client that shows the
// bytes of each answer.
import type { FastifyInstance } from 'fastify';
import { createAuthorize } from '../src/authorize/authorize.ts';
import { registerGraphql } from '../src/faces/graphql/register-graphql.ts';
import type { GraphqlRooms } from '../src/faces/graphql/request-context.ts';
import { createAuthenticate } from '../src/faces/http/authenticate.ts';
import { createHttpServer } from '../src/faces/http/server.ts';
import { systemClock } from '../src/kernel/clock.ts';
import { silentLog } from '../src/kernel/log.ts';
import type { Message } from '../src/mail/message.ts';
import { createEgress } from '../src/oauth/egress.ts';
import type { Actor } from '../src/tenancy/actor.ts';
import { createApiToken } from '../src/tenancy/api-token.ts';
import { openTestHouse, type TestHouse } from './test-house.ts';

export type GraphqlAnswer = {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of many shapes
  readonly data: any;
  readonly errors: readonly {
    readonly message: string;
    readonly extensions: { readonly code: string; readonly field?: string };
  }[];
};

export type GraphqlHouse = {
  readonly rooms: TestHouse;
  readonly house: GraphqlRooms;
  readonly app: FastifyInstance;
  readonly url: string;
  readonly mails: readonly Message[];
  readonly ownerToken: string;
  readonly tokenOf: (actor: Actor, scopes?: readonly string[]) => Promise<string>;
  /** As the owner unless another token comes along. */
  readonly ask: (
    query: string,
    variables?: Readonly<Record<string, unknown>>,
    token?: string,
  ) => Promise<GraphqlAnswer>;
  readonly post: (body: string, headers?: Readonly<Record<string, string>>) => Promise<GraphqlAnswer>;
  readonly close: () => Promise<void>;
};

export async function openGraphqlHouse(options: { readonly jit?: number } = {}): Promise<GraphqlHouse> {
  const rooms = await openTestHouse();
  const app = createHttpServer({ log: silentLog, trustedHops: 0, tls: null, isHttps: false });
  let url = 'http://127.0.0.1:1';
  const mails: Message[] = [];
  const house = furnish(rooms, () => url, mails);
  await registerGraphql(app, house, options);
  url = await app.listen({ host: '127.0.0.1', port: 0 });
  const tokenOf = (actor: Actor, scopes: readonly string[] | null = null) =>
    rooms.doors.withTenant(actor.tenant, async (tx) => {
      const { principalId } = actor;
      return (await createApiToken({ tx, actor: null, principalId, name: 'test', scopes })).token;
    });
  const ownerToken = await tokenOf(rooms.owner);
  const post: GraphqlHouse['post'] = async (body, headers = {}) => {
    const response = await fetch(`${url}/api`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json', authorization: `Bearer ${ownerToken}`, ...headers },
    });
    return await read(response);
  };
  return {
    rooms,
    house,
    app,
    url,
    mails,
    ownerToken,
    tokenOf,
    post,
    ask: (query, variables = {}, token = ownerToken) =>
      post(JSON.stringify({ query, variables }), { authorization: `Bearer ${token}` }),
    close: async () => {
      await app.close();
      await rooms.close();
    },
  };
}

async function read(response: Response): Promise<GraphqlAnswer> {
  const text = await response.text();
  const body = text === '' ? {} : JSON.parse(text);
  return {
    status: response.status,
    text,
    headers: response.headers,
    data: body.data,
    errors: body.errors ?? [],
  };
}

function furnish(rooms: TestHouse, publicUrl: () => string, mails: Message[]): GraphqlRooms {
  const { doors, vault, authority } = rooms;
  const clock = systemClock;
  const log = silentLog;
  const random = Math.random;
  const egress = createEgress({ allow: [], log });
  return {
    publicUrl,
    clock,
    log,
    doors,
    vault,
    authority,
    authorize: createAuthorize({
      doors,
      vault,
      egress,
      clock,
      random,
      mailer: {
        send: async (message) => {
          mails.push(message);
        },
      },
      publicUrl: 'https://latchkey.example.com',
      log,
      allowHeadless: false,
      pinnedProviders: [],
    }),
    authenticate: createAuthenticate({
      actorByApiToken: authority.actorByApiToken,
      actorBySession: async () => null,
    }),
  };
}
