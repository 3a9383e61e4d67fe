// The provider emulator: an OAuth provider on loopback that is true to the standards or as odd as it is told to
// be, and writes down what really happened.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Clock, systemClock } from '../src/kernel/clock.ts';
import { Fault } from '../src/kernel/fault.ts';
import { errorFields, type Log, silentLog } from '../src/kernel/log.ts';
import { jsonAnswer, sendAnswer } from './answer.ts';
import { type Behaviour, createBehaviour, type ModeChange } from './behaviour.ts';
import {
  createClientRegistry,
  demoClient,
  type EmulatedClient,
  type EmulatedClientInput,
} from './client-registry.ts';
import { createDispatch } from './dispatch.ts';
import { faultSchema, type ScriptedFaultInput } from './fault.ts';
import { createGrantBook, type GrantBook } from './grant-book.ts';
import { type Ledger, openLedger } from './ledger.ts';
import { parsed } from './parse.ts';
import type { Quirk, QuirkInput } from './quirk.ts';
import type { LiveToken } from './resource-server.ts';
import { createStandardsMode, type StandardsMode } from './standards.ts';
import { isLive } from './token-rules.ts';
import { createWaitingRoom } from './waiting-room.ts';
import { createWeather } from './weather.ts';

export type EmulatorOptions = ModeChange & {
  /** 0 (default) takes a free port. */
  readonly port?: number;
  /** Default: `latchkey-demo` / `latchkey-demo-secret` with any loopback redirect URI. */
  readonly clients?: readonly EmulatedClientInput[];
  /** Appends every ledger record to this file as JSON lines. */
  readonly ledgerFile?: string;
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly log?: Log;
};

export type EmulatorState = {
  readonly url: string;
  readonly mode: 'standards' | 'quirky';
  readonly presets: readonly string[];
  readonly quirk: Quirk;
  readonly providerTime: string;
  readonly faultsWaiting: number;
  readonly requestsHanging: number;
};

export type Emulator = {
  /** Issuer and base of all endpoints: /authorize /token /revoke /introspect /userinfo /resource. */
  readonly url: string;
  readonly ledger: Ledger;
  readonly state: () => EmulatorState;
  /** Becomes another provider: defaults + presets + settings. Grants, tokens and ledger stay. */
  readonly setMode: (change: ModeChange) => Promise<void>;
  /** Changes some settings of the present one. */
  readonly adjust: (settings: QuirkInput) => void;
  /** Appends scripted faults for coming token requests. */
  readonly schedule: (faults: readonly ScriptedFaultInput[]) => void;
  readonly addClient: (client: EmulatedClientInput) => EmulatedClient;
  readonly revokeGrant: (grant: string) => boolean;
  readonly expireAccessTokens: () => number;
  /** Lets the provider's clock jump ahead, so that lifetimes pass without waiting. */
  readonly advance: (seconds: number) => void;
  /** Lets requests go on that a `hang` fault holds. */
  readonly release: () => number;
  readonly whenHanging: (count: number) => Promise<void>;
  readonly isLiveAccessToken: (token: string) => boolean;
  /** What a live access token stands for. */
  readonly findLiveToken: (token: string) => LiveToken | null;
  /** Forgets grants, tokens and faults; never the ledger. */
  readonly reset: () => Promise<void>;
  readonly close: () => Promise<void>;
};

export async function startEmulator(options: EmulatorOptions = {}): Promise<Emulator> {
  const clock = options.clock ?? systemClock;
  const log = options.log ?? silentLog;
  // Before anything is opened: a misspelt quirk must not leave a port behind.
  const behaviour = createBehaviour(clock, options);
  const clients = createClientRegistry(options.clients ?? [demoClient]);
  const ledger = await openLedger({
    clock,
    ...(options.ledgerFile === undefined ? {} : { file: options.ledgerFile }),
  });
  const server = createServer();
  const url = await listen(server, options.port ?? 0);
  const book = createGrantBook();
  const room = createWaitingRoom();
  const weather = createWeather({ behaviour, room, clock, random: options.random ?? Math.random });
  const standards = lazily(() =>
    createStandardsMode({
      issuer: url,
      behaviour,
      clients,
      log,
    }),
  );
  const findLiveToken = (token: string) =>
    quirkyLive(book, behaviour, token) ?? standardsLive(standards.ready(), token);

  const emulator: Emulator = {
    url,
    ledger,
    state: () => ({
      url,
      mode: behaviour.mode(),
      presets: behaviour.presets(),
      quirk: behaviour.quirk(),
      providerTime: behaviour.shownNow().toISOString(),
      faultsWaiting: behaviour.schedule.waiting(),
      requestsHanging: room.count(),
    }),
    setMode: async (change) => {
      behaviour.become(change);
      if (behaviour.mode() === 'standards') await standards.get();
    },
    adjust: behaviour.adjust,
    schedule: (faults) => behaviour.schedule.append(faults.map((fault) => parsed(faultSchema, fault))),
    addClient: clients.add,
    revokeGrant: (grant) => {
      const inBook = book.revokeGrant(grant);
      return standards.ready()?.store.revokeGrant(grant) || inBook;
    },
    expireAccessTokens: () =>
      book.dropAllAccessTokens() + (standards.ready()?.store.dropAll('AccessToken') ?? 0),
    advance: behaviour.advance,
    release: () => room.release(),
    whenHanging: room.whenWaiting,
    isLiveAccessToken: (token) => findLiveToken(token) !== null,
    findLiveToken,
    reset: async () => {
      behaviour.schedule.replace([]);
      room.release();
      book.clear();
      standards.ready()?.store.clear();
    },
    close: async () => {
      room.release('closed');
      weather.close();
      await closeServer(server);
      await ledger.close();
    },
  };
  if (behaviour.mode() === 'standards') await standards.get();
  const dispatch = createDispatch({ emulator, behaviour, clients, ledger, book, room, weather, standards });
  server.on('request', (req, res) => {
    dispatch(req, res).catch((error: unknown) => giveUp(error, req, res, log));
  });
  return emulator;
}

export type Lazy<T> = { readonly get: () => Promise<T>; readonly ready: () => T | null };

/** oidc-provider costs a tenth of a second to load: only whoever uses standards mode pays. */
function lazily<T>(make: () => Promise<T>): Lazy<T> {
  let promise: Promise<T> | null = null;
  let value: T | null = null;
  return {
    get: () => {
      promise ??= make().then((made) => {
        value = made;
        return made;
      });
      return promise;
    },
    ready: () => value,
  };
}

function quirkyLive(book: GrantBook, behaviour: Behaviour, value: string): LiveToken | null {
  const token = book.findAccessToken(value);
  if (token === null || !isLive(token, behaviour.now().getTime())) return null;
  return {
    account: token.account,
    grant: token.grant.id,
    client: token.grant.clientId,
    scopes: token.scopes,
  };
}

function standardsLive(standards: StandardsMode | null, value: string): LiveToken | null {
  const store = standards?.store;
  const token = store?.peek('AccessToken', value);
  if (!store?.isAlive('AccessToken', value) || !token) return null;
  return {
    account: String(token.accountId),
    grant: String(token.grantId),
    client: String(token.clientId),
    scopes: typeof token.scope === 'string' ? token.scope.split(' ') : [],
  };
}

function listen(server: Server, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const taken = cause.code === 'EADDRINUSE';
      const problem = taken ? `Port ${port} is in use.` : `Port ${port} cannot be opened.`;
      reject(new Fault('cannot_start', problem, { cure: 'Choose another port, or 0 for any.', cause }));
    });
    server.listen(port, '127.0.0.1', () => {
      resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    });
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

function giveUp(error: unknown, req: IncomingMessage, res: ServerResponse, log: Log): void {
  log.error('emulator failed to answer', { path: req.url?.split('?')[0], ...errorFields(error) });
  sendAnswer(res, jsonAnswer(500, { error: 'server_error' }));
}
