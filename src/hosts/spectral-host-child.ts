// The host child: the program that runs somebody else's component. It has one pipe (descriptor 3), no
// environment, no files but this script, and no network but what the parent dials for it. Started by
// `host-process.ts`; bundled into one file by `child-script.ts`.
import net from 'node:net';
import { asFailure, performAction } from './child-action.ts';
import { describeComponent, type LoadedComponent, loadComponent } from './child-component.ts';
import { type Dial, routeSocketsThroughParent } from './child-sockets.ts';
import type { FromChild, ToChild } from './messages.ts';
import { createFrameReader, encodeFrame } from './wire.ts';

const pipe = new net.Socket({ fd: 3, readable: true, writable: true });
let loaded: LoadedComponent | null = null;

function send(message: FromChild): void {
  pipe.write(encodeFrame(message));
}

/** A result that the wire refuses (too large, refers to itself) is the component's error, in words. */
function sendOutcome(outcome: Extract<FromChild, { type: 'performed' }>['outcome']): void {
  try {
    send({ type: 'performed', outcome });
  } catch (error) {
    send({ type: 'performed', outcome: asFailure(error) });
  }
}

const dials = new Map<number, { resolve: (path: string) => void; reject: (error: Error) => void }>();
let lastDial = 0;

const dial: Dial = (host, port) => {
  lastDial += 1;
  const id = lastDial;
  const path = new Promise<string>((resolve, reject) => dials.set(id, { resolve, reject }));
  send({ type: 'dial', id, host, port });
  return {
    path,
    cancel: () => {
      if (dials.delete(id)) send({ type: 'hang-up', id });
    },
  };
};

async function receive(message: ToChild): Promise<void> {
  switch (message.type) {
    case 'describe':
      try {
        send({ type: 'described', definition: describeComponent(loadComponent(message.source)) });
      } catch (error) {
        send({ type: 'not-described', message: asFailure(error).message });
      }
      return;
    case 'perform':
      return perform(message);
    case 'dialed':
      dials.get(message.id)?.resolve(message.path);
      dials.delete(message.id);
      return;
    case 'dial-failed':
      dials.get(message.id)?.reject(Object.assign(new Error(message.message), { code: message.code }));
      dials.delete(message.id);
      return;
  }
}

async function perform(message: Extract<ToChild, { type: 'perform' }>): Promise<void> {
  try {
    if (message.source !== null) loaded = loadComponent(message.source);
  } catch (error) {
    return sendOutcome(asFailure(error));
  }
  if (loaded === null) throw new Error('No bundle was sent.');
  const { actionKey, context, params } = message;
  const writeLog = (level: Extract<FromChild, { type: 'log' }>['level'], text: string): void =>
    send({ type: 'log', level, message: text.slice(0, 64 * 1024) });
  sendOutcome(await performAction({ component: loaded, actionKey, context, params, writeLog }));
}

/** Both read /proc or /etc/passwd, which do not exist here; libraries call them in passing. */
function standInForMissingFiles(): void {
  process.env.HOME = '/';
  const readUsage = process.memoryUsage;
  const memoryUsage = (): NodeJS.MemoryUsage => {
    try {
      return readUsage();
    } catch {
      return { rss: 0, heapTotal: 0, heapUsed: 0, external: 0, arrayBuffers: 0 };
    }
  };
  process.memoryUsage = Object.assign(memoryUsage, { rss: () => memoryUsage().rss });
}

// A throw outside the action (a timer, an event) ends the step as its error: state is unknown from here on.
function failStep(error: unknown): void {
  sendOutcome(asFailure(error));
  pipe.end(() => process.exit(1));
}

standInForMissingFiles();
routeSocketsThroughParent(dial);
process.on('uncaughtException', failStep);
process.on('unhandledRejection', failStep);
pipe.on('error', () => process.exit(1));
pipe.on('end', () => process.exit(0));
// The parent is the one trusted to say what it likes; only its own messages arrive here.
pipe.on(
  'data',
  createFrameReader((message) => {
    receive(message as ToChild).catch(failStep);
  }),
);
send({ type: 'ready' });
