// The process log: JSON lines, an allow-list of fields by type, and redaction as the second net.
import { pino } from 'pino';
import { isFault } from './fault.ts';

type LogValue = string | number | boolean | null | undefined | readonly string[];
/**
 * Only flat values: whole request, response and error objects are where secrets leak from. Under a name that is redacted
 * nobody would read what was meant to be read: an error's `code` is a `fault`, a record is named by its id.
 */
export type LogFields = { readonly [field: string]: LogValue } & {
  readonly [name in (typeof secretNames)[number]]?: never;
};

export type Log = {
  readonly debug: (message: string, fields?: LogFields) => void;
  readonly info: (message: string, fields?: LogFields) => void;
  readonly warn: (message: string, fields?: LogFields) => void;
  readonly error: (message: string, fields?: LogFields) => void;
};

const secretNames = [
  'authorization',
  'cookie',
  'password',
  'secret',
  'token',
  'access_token',
  'refresh_token',
  'client_secret',
  'code',
  'state',
  'code_verifier',
  'api_key',
  'api_secret',
  'private_key',
] as const;

export function createLog(options: {
  readonly level: string;
  readonly stream?: { write(line: string): void };
}): Log {
  const logger = pino(
    { level: options.level, base: null, redact: { paths: [...secretNames], censor: '[redacted]' } },
    options.stream ?? pino.destination({ dest: 2, sync: true }),
  );
  return {
    debug: (message, fields = {}) => logger.debug(fields, message),
    info: (message, fields = {}) => logger.info(fields, message),
    warn: (message, fields = {}) => logger.warn(fields, message),
    error: (message, fields = {}) => logger.error(fields, message),
  };
}

/** What may be logged of an error: name, code, message and where, never attached requests or responses. */
export function errorFields(error: unknown): LogFields {
  if (isFault(error)) {
    return {
      fault: error.code,
      reason: error.message,
      field: error.field,
      detail: error.detail,
      ...causeFields(error.cause),
    };
  }
  return causeFields(error);
}

function causeFields(cause: unknown): LogFields {
  if (!(cause instanceof Error)) return {};
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;
  return {
    cause: cause.name,
    causeCode: code,
    where: cause.stack
      ?.split('\n')
      .slice(1, 4)
      .map((line) => line.trim())
      .join(' < '),
  };
}

export const silentLog: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
