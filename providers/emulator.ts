// The provider emulator: an OAuth provider on loopback that is true to the standards or as odd as it is told to
// be, and writes down what really happened.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Clock, systemClock } from '../src/kernel/clock.ts';
import { Fault } from '../src/kernel/fault.ts';
import { errorFields, type Log, silentLog } from '../src/kernel/log.ts';
import { jsonAnswer, sendAnswer } from './answer.ts';
import { createBehaviour, type ModeChange } from './behaviour.ts';
import { createClientRegistry, demoClient, type EmulatedClientInput } from './client-registry.ts';
import { createControls, type EmulatorControls } from './controls.ts';
import { createDispatch } from './dispatch.ts';
import { createGrantBook } from './grant-book.ts';
import { lazily } from './lazily.ts';
import { type Ledger, openLedger } from './ledger.ts';
import { createStandardsMode } from './standards.ts';
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

export type Emulator = EmulatorControls & {
  /** Issuer and base of all endpoints: /authorize /token /revoke /introspect /userinfo /resource. */
  readonly url: string;
  readonly ledger: Ledger;
  /** Closes the port until `plug`: connections are refused. Grants, tokens and the ledger stay. */
  readonly unplug: () => Promise<void>;
  readonly plug: () => Promise<void>;
  readonly close: () => Promise<void>;
};

export async function startEmulator(options: EmulatorOptions = {}): Promise<Emulator> {
  const clock = options.clock ?? systemClock;
  const log = options.log ?? silentLog;
  // Before anything is opened: a misspelt quirk must not leave a port behind.
  const behaviour = createBehaviour(clock, options);
  const clients = createClientRegistry(options.clients ?? [demoClient]);
  const server = createServer();
  const url = await listen(server, options.port ?? 0);
  const ledger = await openLedger({
    clock,
    ...(options.ledgerFile === undefined ? {} : { file: options.ledgerFile }),
  }).catch(async (error: unknown) => {
    await closeServer(server);
    throw error;
  });
  const book = createGrantBook();
  const room = createWaitingRoom();
  const weather = createWeather({ behaviour, room, clock, random: options.random ?? Math.random });
  // oidc-provider costs a third of a second to load: only whoever uses standards mode pays.
  const standards = lazily(() => createStandardsMode({ issuer: url, behaviour, clients, log }));
  const controls = createControls({ url, behaviour, clients, book, ledger, room, standards });
  if (behaviour.mode() === 'standards') await standards.get();
  const dispatch = createDispatch({
    issuer: url,
    controls,
    behaviour,
    clients,
    ledger,
    book,
    room,
    weather,
    standards,
  });
  server.on('request', (req, res) => {
    dispatch(req, res).catch((error: unknown) => giveUp(error, req, res, log));
  });
  return {
    ...controls,
    url,
    ledger,
    unplug: () => closeServer(server),
    plug: () => listenAgain(server, Number(new URL(url).port)),
    close: async () => {
      room.release('closed');
      weather.close();
      await closeServer(server);
      await ledger.close();
    },
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

const againEveryMs = 100;
const againTries = 100;

/** Somebody else may have taken the port while it was closed: clients know it, so it is waited for. */
async function listenAgain(server: Server, port: number): Promise<void> {
  for (let left = againTries; ; left -= 1) {
    try {
      await listen(server, port);
      return;
    } catch (error) {
      if (left <= 0) throw error;
      await sleep(againEveryMs);
    }
  }
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
