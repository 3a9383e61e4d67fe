// Runs in the host child. Calls one action of a component and puts what it returned, threw or changed into words
// that the wire carries.
import { format } from 'node:util';
import type { LoadedComponent } from './child-component.ts';
import type { LogLevel, StepFailure, StepResult } from './messages.ts';

type Values = Readonly<Record<string, unknown>>;
type WriteLog = (level: LogLevel, message: string) => void;

/** Plain mutable objects: components write into them and the new contents are part of the result. */
const stateNames = ['instanceState', 'crossFlowState', 'executionState', 'integrationState'] as const;

export async function performAction(options: {
  readonly component: LoadedComponent;
  readonly actionKey: string;
  readonly context: Values;
  readonly params: Values;
  readonly writeLog: WriteLog;
}): Promise<{ readonly kind: 'ok'; readonly result: StepResult } | StepFailure> {
  try {
    const action = options.component.findAction(options.actionKey);
    if (action === null) throw new TypeError(`The component has no action "${options.actionKey}".`);
    const states = Object.fromEntries(
      stateNames.map((name) => [name, asRecord(options.context[name]) ?? {}]),
    );
    const context = { ...options.context, ...states, logger: createLogger(options.writeLog) };
    const returned = await action.perform(context, options.params);
    return { kind: 'ok', result: asResult(returned, states) };
  } catch (error) {
    return asFailure(error);
  }
}

function createLogger(writeLog: WriteLog): Readonly<Record<string, (...args: readonly unknown[]) => void>> {
  const at =
    (level: LogLevel) =>
    (...args: readonly unknown[]): void =>
      writeLog(level, format(...args));
  return {
    metric: at('metric'),
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    log: at('info'),
    warn: at('warn'),
    error: at('error'),
  };
}

/** A state that the action returned wins over the one that it changed in place. */
function asResult(returned: unknown, states: Values): StepResult {
  const result = asRecord(returned) ?? { data: returned ?? null };
  const kept = Object.fromEntries(stateNames.map((name) => [name, asRecord(result[name]) ?? states[name]]));
  return { ...result, ...kept, data: result.data ?? null } as StepResult;
}

/** By its fields and not by its class: every bundle carries its own copy of the library that defines the class. */
export function asFailure(thrown: unknown): StepFailure {
  const fields = asRecord(thrown) ?? {};
  const isConnectionError = fields.isSpectralError === true && 'connection' in fields;
  const connection = isConnectionError ? asRecord(fields.connection) : null;
  return {
    kind: 'error',
    name: asText(fields.name) ?? 'Error',
    message: [asText(fields.message) ?? format('%s', thrown), ...causeMessages(fields)].join(': '),
    stack: asText(fields.stack),
    isConnectionError,
    connection: isConnectionError
      ? { key: asText(connection?.key), configVarKey: asText(connection?.configVarKey) }
      : null,
  };
}

/** "fetch failed" alone explains nothing; the reason stands one or two causes below. */
function causeMessages(error: Values): string[] {
  const first = asRecord(error.cause);
  const second = asRecord(first?.cause);
  return [first?.message, second?.message].map(asText).filter((text) => text !== null);
}

function asText(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function asRecord(value: unknown): Values | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !Buffer.isBuffer(value)
    ? (value as Values)
    : null;
}
