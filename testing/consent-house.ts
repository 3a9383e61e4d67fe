// A furnished house in which people connect accounts: the emulator as provider, browsers with a cookie jar each, mails
// that are kept, jobs that run when a test says so, and a clock that can be put ahead.
import { type RawBuilder, sql } from 'kysely';
import { demoClient, type EmulatedClientInput } from '../providers/client-registry.ts';
import { type Emulator, type EmulatorOptions, startEmulator } from '../providers/emulator.ts';
import { createCookieJar, walkConsent } from '../providers/walk-consent.ts';
import { type Authorize, createAuthorize } from '../src/authorize/authorize.ts';
import type { AuthorizeDeps } from '../src/authorize/authorize-deps.ts';
import type { BegunConsent } from '../src/authorize/begin.ts';
import { newBrowserToken } from '../src/authorize/browser-binding.ts';
import type { ConsentView } from '../src/authorize/consent-view.ts';
import type { Subject } from '../src/authorize/snapshot.ts';
import { createAuthClient } from '../src/credentials/auth-client.ts';
import { getBuiltinType } from '../src/credentials/connection-type.ts';
import { createCredential } from '../src/credentials/create-credential.ts';
import { type Credential, findCredential } from '../src/credentials/credential.ts';
import { type ConnectionLogEntry, readConnectionLog } from '../src/credentials/log-store.ts';
import { createRevoker, revocationJob } from '../src/credentials/revocation.ts';
import { type Clock, systemClock } from '../src/kernel/clock.ts';
import { type Fault, isFault } from '../src/kernel/fault.ts';
import type { CredentialId, UnitId } from '../src/kernel/ids.ts';
import { silentLog } from '../src/kernel/log.ts';
import { Plain } from '../src/kernel/plain.ts';
import type { Message } from '../src/mail/message.ts';
import { createEgress } from '../src/oauth/egress.ts';
import type { Tx } from '../src/storage/doors.ts';
import type { JobHandler } from '../src/storage/job-handler.ts';
import type { Actor } from '../src/tenancy/actor.ts';
import { openTestHouse, type TestHouse, type TestTenant } from './test-house.ts';

export const publicUrl = 'http://127.0.0.1:4111';

export type NewConnectable = {
  readonly at?: TestTenant;
  readonly unitId?: UnitId;
  readonly label?: string;
  readonly scopes?: string;
  readonly clientId?: string;
  readonly secret?: string;
  readonly authorizeUrl?: string;
  readonly tokenUrl?: string;
  readonly redirects?: { readonly success: string | null; readonly failure: string | null };
};

/** One person's browser: cookies at the provider, the binding cookie at ours, a session or none. */
export type Browser = {
  readonly token: string;
  readonly actor: Actor | null;
  readonly login: string;
  readonly begin: (credentialId: CredentialId, subject?: Subject) => Promise<BegunConsent>;
  /** At the provider: signs in and decides; the address to which the provider sends the browser back. */
  readonly visitProvider: (authorizeUrl: string, decision?: 'allow' | 'deny') => Promise<URL>;
  readonly callback: (url: URL) => Promise<ConsentView>;
  readonly decide: (
    view: ConsentView,
    decision?: 'accept' | 'cancel',
    acceptsAccountChange?: boolean,
  ) => Promise<ConsentView>;
  /** Begin, provider, callback. */
  readonly reachConfirmation: (credentialId: CredentialId, subject?: Subject) => Promise<ConsentView>;
  readonly connect: (credentialId: CredentialId) => Promise<ConsentView>;
};

export type AuditLine = { readonly action: string; readonly actor: string | null; readonly result: string };

export type ConsentHouse = {
  readonly house: TestHouse;
  readonly emulator: Emulator;
  readonly authorize: Authorize;
  readonly deps: AuthorizeDeps;
  readonly mails: Message[];
  readonly failMailsWith: (error: unknown) => void;
  readonly advance: (seconds: number) => void;
  readonly browser: (actor: Actor | null, login?: string) => Browser;
  readonly connectable: (options?: NewConnectable) => Promise<Credential>;
  readonly queued: () => Promise<readonly string[]>;
  /** Runs every queued job once that is due, as a worker would; returns the names. */
  readonly runJobs: () => Promise<readonly string[]>;
  readonly see: (credential: Credential) => Promise<Credential | null>;
  readonly grantState: (credential: Credential) => Promise<string | undefined>;
  /** The status that an authorization has in the database. */
  readonly statusOf: (authorizationId: string) => Promise<string | undefined>;
  /** The log beside the credential, newest first. */
  readonly logOf: (credential: Credential) => Promise<readonly ConnectionLogEntry[]>;
  /** Audit events of the credential, oldest first. */
  readonly auditOf: (credential: Credential) => Promise<readonly AuditLine[]>;
  readonly codeRequests: () => number;
  readonly revocations: () => number;
  readonly close: () => Promise<void>;
};

export async function openConsentHouse(
  options: {
    readonly emulator?: EmulatorOptions;
    readonly clients?: readonly EmulatedClientInput[];
    readonly deps?: (emulator: Emulator) => Partial<AuthorizeDeps>;
    readonly alsoAllow?: () => readonly string[];
  } = {},
): Promise<ConsentHouse> {
  const house = await openTestHouse();
  const emulator = await startEmulator({
    set: {},
    clients: [demoClient, ...(options.clients ?? [])],
    ...options.emulator,
  });
  let aheadMs = 0;
  const clock: Clock = {
    now: () => new Date(systemClock.now().getTime() + aheadMs),
    monotonicMs: systemClock.monotonicMs,
  };
  const mails: Message[] = [];
  let mailError: unknown = null;
  const { doors, vault } = house;
  const allow = [new URL(emulator.url).host, ...(options.alsoAllow?.() ?? [])];
  const deps: AuthorizeDeps = {
    doors,
    vault,
    egress: createEgress({ allow, log: silentLog }),
    clock,
    random: Math.random,
    mailer: {
      send: async (message) => {
        if (mailError !== null) throw mailError;
        mails.push(message);
      },
    },
    publicUrl,
    log: silentLog,
    allowHeadless: false,
    pinnedProviders: [],
    ...options.deps?.(emulator),
  };
  const authorize = createAuthorize(deps);
  const handlers: Readonly<Record<string, JobHandler>> = {
    ...authorize.jobHandlers,
    [revocationJob]: createRevoker({ ...deps, mayRevoke: () => true }),
  };
  const records = (kind: string) => emulator.ledger.records().filter((record) => record.kind === kind).length;

  return {
    house,
    emulator,
    authorize,
    deps,
    mails,
    failMailsWith: (error) => {
      mailError = error;
    },
    advance: (seconds) => {
      aheadMs += seconds * 1000;
    },
    browser: (actor, login = 'ada') => openBrowser(authorize, actor, login),
    connectable: (made = {}) => createConnectable(house, emulator, made),
    queued: async () => (await jobs(house)).map((job) => job.name),
    runJobs: () => runJobs(house, handlers, clock),
    ...witnesses(house),
    codeRequests: () => records('code'),
    revocations: () => emulator.ledger.records().filter((record) => record.outcome === 'revoked').length,
    close: async () => {
      await emulator.close();
      await house.close();
    },
  };
}

function witnesses(
  house: TestHouse,
): Pick<ConsentHouse, 'see' | 'grantState' | 'statusOf' | 'logOf' | 'auditOf'> {
  const { doors } = house;
  const see = (credential: Credential) =>
    doors.withTenant(credential.tenantId, (tx) => findCredential(tx, credential.id));
  const rows = async <Row extends object>(tx: Tx, query: RawBuilder<Row>) => (await query.execute(tx)).rows;
  return {
    see,
    grantState: async (credential) => (await see(credential))?.grant?.state,
    statusOf: (id) =>
      doors.withTenant(house.tenant, async (tx) => {
        const query = sql<{ status: string }>`select status from oauth_authorization where id = ${id}`;
        return (await rows(tx, query))[0]?.status;
      }),
    logOf: (credential) =>
      doors.withTenant(credential.tenantId, async (tx) => {
        const of = { connectionId: null, credentialId: credential.id };
        return (await readConnectionLog(tx, of, { offset: 0, limit: 100 })).items;
      }),
    auditOf: (credential) =>
      doors.withTenant(credential.tenantId, async (tx) =>
        rows(
          tx,
          sql<AuditLine>`select action, actor_name as actor, result from audit_event
            where object_id = ${credential.id} order by seq`,
        ),
      ),
  };
}

/** The Fault with which something was refused. */
export async function faultOf(work: Promise<unknown>): Promise<Fault> {
  try {
    await work;
  } catch (error) {
    if (isFault(error)) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

function openBrowser(authorize: Authorize, actor: Actor | null, login: string): Browser {
  const jar = createCookieJar();
  const token = newBrowserToken();
  const browser: Browser = {
    token,
    actor,
    login,
    begin: async (credentialId, subject = {}) => {
      if (actor === null) throw new Error('nobody is signed in');
      return await authorize.begin({ policy: 'session', actor, credentialId, subject, browserToken: token });
    },
    visitProvider: (authorizeUrl, decision = 'allow') =>
      walkConsent(authorizeUrl, { jar, login, decision, until: `${publicUrl}/callback` }),
    callback: (url) =>
      authorize.completeCallback({
        receivedRedirectUri: `${url.origin}${url.pathname}`,
        query: url.search,
        browserToken: token,
        actor,
      }),
    decide: (view, decision = 'accept', acceptsAccountChange = false) => {
      if (view.kind !== 'confirm') throw new Error(`nothing to decide: ${JSON.stringify(view)}`);
      const { key, formToken } = view;
      return authorize.confirm({
        key,
        formToken,
        browserToken: token,
        actor,
        decision,
        acceptsAccountChange,
      });
    },
    reachConfirmation: async (credentialId, subject) => {
      const begun = await browser.begin(credentialId, subject);
      return await browser.callback(await browser.visitProvider(begun.authorizeUrl));
    },
    connect: async (credentialId) => await browser.decide(await browser.reachConfirmation(credentialId)),
  };
  return browser;
}

async function createConnectable(
  house: TestHouse,
  emulator: Pick<Emulator, 'url'>,
  made: NewConnectable,
): Promise<Credential> {
  const { vault } = house;
  const at = made.at ?? house;
  const unitId = made.unitId ?? at.customer.id;
  const actor = at.owner;
  return await house.doors.withTenant(at.tenant, async (tx) => {
    const client = await createAuthClient({
      tx,
      vault,
      actor,
      client: {
        unitId,
        name: made.label ?? 'Dropbox',
        type: 'oauth2',
        identity: {
          clientId: made.clientId ?? demoClient.client_id,
          authorizeUrl: made.authorizeUrl ?? `${emulator.url}/authorize`,
          tokenUrl: made.tokenUrl ?? `${emulator.url}/token`,
          refreshUrl: null,
          revokeUrl: (made.tokenUrl ?? `${emulator.url}/token`).replace(/token$/, 'revoke'),
          clientAuth: 'post',
        },
        secret: Plain.fromText(made.secret ?? demoClient.client_secret),
      },
    });
    return await createCredential({
      tx,
      vault,
      actor,
      unitId,
      label: made.label ?? 'Dropbox',
      type: await getBuiltinType(tx, 'oauth2'),
      values: new Map([['scopes', Plain.fromText(made.scopes ?? 'files.read files.write')]]),
      authClientId: client.id,
      ...(made.redirects === undefined ? {} : { redirects: made.redirects }),
    });
  });
}

type Job = {
  readonly id: string;
  readonly name: string;
  readonly payload: unknown;
  readonly attempts: number;
  readonly run_at: Date;
};

async function jobs(house: TestHouse): Promise<readonly Job[]> {
  const found = await house.database.database.pool('owner').query<Job>(
    `select j.id::text as id, t.identifier as name, j.payload, j.attempts, j.run_at
     from graphile_worker._private_jobs j join graphile_worker._private_tasks t on t.id = j.task_id order by j.id`,
  );
  return found.rows;
}

async function runJobs(
  house: TestHouse,
  handlers: Readonly<Record<string, JobHandler>>,
  clock: Clock,
): Promise<readonly string[]> {
  const pool = house.database.database.pool('owner');
  const ran: string[] = [];
  for (const job of await jobs(house)) {
    const handler = handlers[job.name];
    if (handler === undefined || job.run_at > clock.now()) continue;
    const attempt = job.attempts + 1;
    ran.push(job.name);
    try {
      await handler(job.payload, {
        attempt,
        isLastAttempt: attempt >= 25,
        signal: new AbortController().signal,
      });
      // A job that queued itself again for later stays.
      await pool.query('delete from graphile_worker._private_jobs where id = $1 and run_at <= $2', [
        job.id,
        clock.now(),
      ]);
    } catch {
      await pool.query('update graphile_worker._private_jobs set attempts = $2 where id = $1', [
        job.id,
        attempt,
      ]);
    }
  }
  return ran;
}
