// Settings from the environment, checked once at the start: a mistake is one line that says what to do, before anything
// is opened or written.
import { resolve } from 'node:path';
import { Fault } from './kernel/fault.ts';
import { Plain } from './kernel/plain.ts';

export type Config = {
  readonly dataDirectory: string;
  /** Null = the embedded engine in the data directory. */
  readonly databaseUrl: string | null;
  /** What an outside database is called instead of its address, where several clusters know it under one name. */
  readonly databaseLocation: string | null;
  readonly host: string;
  readonly port: number;
  /** Base URL that browsers and providers use, without a trailing slash. Null = the address we listen on. */
  readonly publicUrl: string | null;
  readonly tls: { readonly certFile: string; readonly keyFile: string } | null;
  /** How many proxies in front of us are ours: X-Forwarded-* is believed from that many. */
  readonly trustedHops: number;
  readonly egressAllow: readonly string[];
  readonly smtpUrl: Plain | null;
  readonly mailFrom: string | null;
  readonly logLevel: string;
  /** Who has it may read /metrics on the port; null = nobody there. */
  readonly metricsToken: Plain | null;
  /** A token that is not older is answered to a forced refresh as it is, unless the caller says that it was refused. */
  readonly forcedRefreshWindowSeconds: number;
  readonly workerConcurrency: number;
  /** Executions at once in this process; each takes a host process while a step runs. */
  readonly executionConcurrency: number;
  /** Executions at once of a customer without a limit of its own, over all processes. */
  readonly customerConcurrency: number;
  /** How long one step may take. */
  readonly stepTimeoutSeconds: number;
};

type Environment = Readonly<Record<string, string | undefined>>;

const loopback = new Set(['127.0.0.1', '::1', 'localhost']);
/** Places to listen at, not to be reached at. */
const everywhere = new Set(['0.0.0.0', '::', '0']);
const logLevels = ['debug', 'info', 'warn', 'error', 'silent'];

export function readConfig(env: Environment, cwd: string): Config {
  refuseWeakTls(env);
  const host = text(env, 'HOST') ?? '127.0.0.1';
  const publicUrl = readPublicUrl(env);
  const tls = readTls(env);
  const trustedHops = wholeNumber(env, 'LATCHKEY_TRUSTED_HOPS', 0, { least: 0, most: 10 });
  if (!loopback.has(host) && tls === null && (trustedHops === 0 || !publicUrl?.startsWith('https:'))) {
    throw cannotStart(
      `HOST=${host} would serve plain http to other machines.`,
      'Set TLS_CERT_FILE and TLS_KEY_FILE, or put a TLS proxy in front and set PUBLIC_URL=https://... and LATCHKEY_TRUSTED_HOPS=1.',
    );
  }
  if (everywhere.has(host) && publicUrl === null) {
    throw cannotStart(
      `HOST=${host} is no address that a browser can open.`,
      'Set PUBLIC_URL to the one that leads here, such as https://connect.example.com.',
    );
  }
  return {
    dataDirectory: resolve(cwd, text(env, 'LATCHKEY_DATA') ?? '.latchkey'),
    databaseUrl: readDatabaseUrl(env),
    databaseLocation: text(env, 'LATCHKEY_LOCATION'),
    host,
    port: wholeNumber(env, 'PORT', 4080, { least: 0, most: 65_535 }),
    publicUrl,
    tls,
    trustedHops,
    egressAllow: list(env, 'LATCHKEY_EGRESS_ALLOW'),
    smtpUrl: secret(env, 'SMTP_URL'),
    mailFrom: text(env, 'MAIL_FROM'),
    logLevel: oneOf(env, 'LOG_LEVEL', logLevels, 'info'),
    metricsToken: longSecret(env, 'LATCHKEY_METRICS_TOKEN'),
    forcedRefreshWindowSeconds: wholeNumber(env, 'LATCHKEY_FORCED_REFRESH_WINDOW', 5, { least: 1, most: 60 }),
    workerConcurrency: wholeNumber(env, 'LATCHKEY_WORKERS', 4, { least: 1, most: 100 }),
    executionConcurrency: wholeNumber(env, 'LATCHKEY_EXECUTIONS', 4, { least: 1, most: 100 }),
    customerConcurrency: wholeNumber(env, 'LATCHKEY_CUSTOMER_EXECUTIONS', 10, { least: 1, most: 1000 }),
    stepTimeoutSeconds: wholeNumber(env, 'LATCHKEY_STEP_TIMEOUT', 300, { least: 1, most: 3600 }),
  };
}

// With verification off, every token request could be answered by anybody on the path.
function refuseWeakTls(env: Environment): void {
  if (env.NODE_TLS_REJECT_UNAUTHORIZED !== '0') return;
  throw cannotStart(
    'NODE_TLS_REJECT_UNAUTHORIZED=0 switches TLS verification off.',
    'Unset it; trust a private authority with NODE_EXTRA_CA_CERTS instead.',
  );
}

function readPublicUrl(env: Environment): string | null {
  const given = text(env, 'PUBLIC_URL');
  if (given === null) return null;
  const url = URL.canParse(given) ? new URL(given) : null;
  const isPlain = url?.protocol === 'http:' && loopback.has(url.hostname.replace(/^\[|\]$/g, ''));
  if (
    url === null ||
    (url.protocol !== 'https:' && !isPlain) ||
    url.search !== '' ||
    url.hash !== '' ||
    url.username !== ''
  ) {
    throw cannotStart('PUBLIC_URL is not an https URL.', 'Give one such as https://connect.example.com.');
  }
  if (url.pathname !== '/') {
    throw cannotStart(
      `PUBLIC_URL has a path (${url.pathname}), and Latchkey answers at the root of a host.`,
      `Give it a host of its own, and set PUBLIC_URL to that alone, such as https://connect.example.com.`,
    );
  }
  return url.origin;
}

function readTls(env: Environment): Config['tls'] {
  const certFile = text(env, 'TLS_CERT_FILE');
  const keyFile = text(env, 'TLS_KEY_FILE');
  if (certFile === null && keyFile === null) return null;
  if (certFile === null || keyFile === null) {
    throw cannotStart('TLS_CERT_FILE and TLS_KEY_FILE belong together.', 'Set both, or neither.');
  }
  return { certFile, keyFile };
}

function readDatabaseUrl(env: Environment): string | null {
  const given = text(env, 'DATABASE_URL');
  if (given === null) return null;
  if (/^postgres(ql)?:\/\//.test(given) && URL.canParse(given)) return given;
  throw cannotStart(
    'DATABASE_URL is not a PostgreSQL URL.',
    'Give postgres://user:password@host:5432/database.',
  );
}

function text(env: Environment, name: string): string | null {
  const value = env[name]?.trim() ?? '';
  return value === '' ? null : value;
}

function secret(env: Environment, name: string): Plain | null {
  const value = text(env, name);
  return value === null ? null : Plain.fromText(value);
}

/** One that strangers may try to guess. */
function longSecret(env: Environment, name: string): Plain | null {
  const value = text(env, name);
  if (value === null) return null;
  if (/^[\x21-\x7e]{16,1024}$/.test(value)) return Plain.fromText(value);
  throw cannotStart(
    `${name} is not of 16 to 1024 printable characters without spaces.`,
    `Set ${name} to a long random text, or leave it out.`,
  );
}

function list(env: Environment, name: string): readonly string[] {
  return (text(env, name) ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function oneOf(env: Environment, name: string, allowed: readonly string[], fallback: string): string {
  const value = text(env, name) ?? fallback;
  if (allowed.includes(value)) return value;
  throw cannotStart(
    `${name} is not one of ${allowed.join(', ')}.`,
    `Set ${name}=${fallback}, or leave it out.`,
  );
}

function wholeNumber(
  env: Environment,
  name: string,
  fallback: number,
  range: { readonly least: number; readonly most: number },
): number {
  const value = text(env, name);
  if (value === null) return fallback;
  const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= range.least && number <= range.most) return number;
  throw cannotStart(
    `${name} is not a whole number from ${range.least} to ${range.most}.`,
    `Set ${name}=${fallback}.`,
  );
}

function cannotStart(problem: string, cure: string): Fault {
  return new Fault('cannot_start', problem, { cure });
}
