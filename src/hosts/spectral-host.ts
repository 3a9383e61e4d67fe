// Runs one thing of a component in a host process that the pool hands over: describe it, or perform an action.
// Turns replies, deaths, timeouts and broken promises into one of four outcomes with clean text.
import { Fault } from '../kernel/fault.ts';
import { type ComponentDefinition, componentDefinition } from './component-definition.ts';
import type { HostExit, HostLogEntry, HostProcess } from './host-process.ts';
import type { StepResult } from './messages.ts';
import { createRedactor, type Redact } from './redact-secrets.ts';
import type { Dial } from './relay.ts';
import { WireError } from './wire.ts';

export type { StepResult } from './messages.ts';

export type PerformOutcome =
  | { readonly kind: 'ok'; readonly result: StepResult }
  | {
      readonly kind: 'error';
      readonly name: string;
      readonly message: string;
      readonly stack: string | null;
      /** The component says that the connection itself is at fault. */
      readonly isConnectionError: boolean;
      readonly connection: { readonly key: string | null; readonly configVarKey: string | null } | null;
    }
  | { readonly kind: 'timeout'; readonly timeoutMs: number }
  | { readonly kind: 'crashed'; readonly reason: HostExit['reason']; readonly message: string };

export type PerformRequest = {
  readonly tenant: string;
  readonly bundlePath: string;
  readonly actionKey: string;
  /** Plain data; the host adds `logger` and makes the four state objects if they are absent. */
  readonly context: Readonly<Record<string, unknown>>;
  readonly params: Readonly<Record<string, unknown>>;
  /** From the moment that a process takes the step; waiting for a process does not count. */
  readonly timeoutMs: number;
  readonly onLog: (entry: HostLogEntry) => void;
  /** Values that must not appear in logs and errors, beside those found in connections by their keys. */
  readonly secrets?: readonly string[];
  /** Aborting kills the step; `perform` then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
};

const describeTimeoutMs = 20_000;
/** Nobody reads more of an error. */
const maxMessageLength = 64 * 1024;

export async function performIn(
  host: HostProcess,
  request: PerformRequest,
  options: { readonly source: Buffer | null; readonly dial: Dial },
): Promise<PerformOutcome> {
  const { actionKey, context, params, timeoutMs, signal, tenant } = request;
  const redact = createRedactor([context, params], request.secrets);
  let hasTimedOut = false;
  const timer = setTimeout(() => {
    hasTimedOut = true;
    host.kill();
  }, timeoutMs);
  signal?.addEventListener('abort', host.kill, { once: true });
  try {
    signal?.throwIfAborted();
    const reply = await host.run({
      request: { type: 'perform', source: options.source, actionKey, context, params },
      onLog: (entry) => request.onLog({ level: entry.level, message: redact(entry.message) }),
      network: { tenant, dial: options.dial },
    });
    signal?.throwIfAborted();
    if (hasTimedOut) return { kind: 'timeout', timeoutMs };
    if ('reason' in reply) return crashed(reply, redact);
    if (reply.type !== 'performed') return protocolBreach();
    if (reply.outcome.kind === 'ok') return reply.outcome;
    const { message, stack } = reply.outcome;
    return {
      ...reply.outcome,
      // Cut behind what is kept and again after: no secret is cut in two before it was looked for.
      message: redact(message.slice(0, 2 * maxMessageLength)).slice(0, maxMessageLength),
      stack: stack === null ? null : ownFrames(redact(stack.slice(0, 2 * maxMessageLength))),
    };
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return {
      kind: 'error',
      name: 'InputError',
      message: `The step's inputs cannot be handed over. ${error.message}`,
      stack: null,
      isConnectionError: false,
      connection: null,
    };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', host.kill);
  }
}

/** Frames of the host's own script and of Node's inside tell a component's author nothing. */
function ownFrames(stack: string): string {
  const isForeign = /^\s+at .*(host\.cjs:|node:internal)/;
  return stack
    .split('\n')
    .filter((line) => !isForeign.test(line))
    .join('\n')
    .slice(0, 8000);
}

export async function describeIn(host: HostProcess, source: Buffer): Promise<ComponentDefinition> {
  const timer = setTimeout(host.kill, describeTimeoutMs);
  try {
    const reply = await host.run({ request: { type: 'describe', source }, onLog: () => {}, network: null });
    if ('reason' in reply) throw unusable(crashed(reply, (text) => text).message);
    if (reply.type === 'not-described') throw unusable(reply.message);
    if (reply.type !== 'described') throw unusable('It answered out of turn.');
    const definition = componentDefinition.safeParse(reply.definition);
    if (definition.success) return definition.data;
    const [issue] = definition.error.issues;
    throw unusable(`${issue?.path.join('.') ?? 'It'}: ${issue?.message ?? 'has a wrong form'}.`);
  } finally {
    clearTimeout(timer);
  }
}

function crashed(exit: HostExit, redact: Redact): PerformOutcome & { readonly kind: 'crashed' } {
  const words: Record<HostExit['reason'], string> = {
    exit: `The component ended its process (exit code ${exit.exitCode ?? 'unknown'}).`,
    signal: `The component's process was ended by ${exit.signal ?? 'a signal'}.`,
    memory: 'The component used more memory than a step may have.',
    protocol: 'The component broke the protocol between host and server, or sent too much at once.',
    flood: 'The component wrote more output than anybody reads.',
    killed: 'The step was stopped.',
    'not-started': "The component's process did not start.",
  };
  return { kind: 'crashed', reason: exit.reason, message: redact(words[exit.reason]) };
}

function protocolBreach(): PerformOutcome {
  return { kind: 'crashed', reason: 'protocol', message: 'The component answered out of turn.' };
}

function unusable(problem: string): Fault {
  return new Fault('bad_request', `The component cannot be used: ${problem.slice(0, 500)}`, {
    cure: 'Bundle it as one CommonJS file whose default export is the component.',
  });
}
