// What a PostgreSQL of somebody else's must be like before we trust it with rows, and the door roles that it needs.
import pg from 'pg';
import { Fault, isFault } from '../kernel/fault.ts';
import { doorRoles, ownerRole } from './door-role.ts';

export type ExternalLogin = { readonly login: pg.ClientConfig; readonly startup: readonly string[] };

type Server = {
  readonly version: number;
  readonly user: string;
  readonly database: string;
  readonly encoding: string;
  readonly standby: boolean;
  /** A role with superuser or BYPASSRLS that the login is or could become. */
  readonly bypass: string | null;
  readonly mayCreateRoles: boolean;
  readonly inherits: boolean;
  readonly ownsDatabase: boolean;
};

type RoleState = {
  readonly name: string;
  readonly exists: boolean;
  readonly unsafe: boolean;
  readonly settable: boolean;
  readonly inherited: boolean;
};

const oldestVersion = 150_000;

/** Takes DATABASE_URL apart, so that each door can add its own session settings. */
export function loginOf(url: string): ExternalLogin {
  let parsed: pg.Client;
  try {
    if (!/^(postgres|postgresql|socket):/.test(url)) throw new TypeError('scheme');
    parsed = new pg.Client({ connectionString: url });
  } catch {
    // The parser's own message would repeat the password.
    throw new Fault('cannot_start', 'DATABASE_URL is not a PostgreSQL URL.', {
      cure: 'Write it as postgres://user:password@host:5432/database.',
    });
  }
  const options = /[?&]options=([^&]*)/.exec(url)?.[1];
  const startup =
    options === undefined ? [] : decodeURIComponent(options.replaceAll('+', ' ')).split(/\s*-c\s*/);
  return {
    login: {
      host: parsed.host,
      port: parsed.port,
      user: parsed.user,
      password: parsed.password,
      database: parsed.database,
      ssl: parsed.ssl,
    },
    startup: startup.map((setting) => setting.trim()).filter((setting) => setting !== ''),
  };
}

/** Refuses a server that we cannot be safe on; makes the roles and rights that are missing where we may. */
export async function prepareServer(login: pg.ClientConfig, startup: readonly string[]): Promise<void> {
  const client = new pg.Client({
    ...login,
    options: startup.map((setting) => `-c ${setting}`).join(' '),
    connectionTimeoutMillis: 10_000,
    application_name: 'latchkey start',
  });
  client.on('error', () => {});
  try {
    await client.connect();
    const server = await examine(client);
    refuseUnfit(server);
    await ensureRoles(client, server);
  } catch (cause) {
    throw isFault(cause) ? cause : unreachable(cause, login);
  } finally {
    await client.end().catch(() => {});
  }
}

async function examine(client: pg.Client): Promise<Server> {
  const { rows } = await client.query<Server>(`
    select current_setting('server_version_num')::int as version,
      session_user::text as "user",
      datname::text as database,
      pg_encoding_to_char(encoding)::text as encoding,
      pg_is_in_recovery() as standby,
      (select rolname::text from pg_roles where (rolsuper or rolbypassrls) and pg_has_role(session_user, oid, 'member')
        order by rolname = session_user desc limit 1) as bypass,
      (select rolcreaterole from pg_roles where rolname = session_user) as "mayCreateRoles",
      (select rolinherit from pg_roles where rolname = session_user) as inherits,
      pg_has_role(session_user, datdba, 'member') as "ownsDatabase"
    from pg_database where datname = current_database()`);
  const [server] = rows;
  if (server === undefined) throw new Error('the server answered with no row');
  return server;
}

function refuseUnfit(server: Server): void {
  const refuse = (message: string, cure: string): never => {
    throw new Fault('cannot_start', message, { cure });
  };
  if (server.version < oldestVersion) {
    const version = Math.floor(server.version / 10_000);
    refuse(`DATABASE_URL points to PostgreSQL ${version}.`, 'Latchkey needs version 15 or newer.');
  }
  if (server.bypass !== null) {
    refuse(
      `DATABASE_URL signs in as a role that may bypass row-level security (${server.bypass}).`,
      'Make an ordinary role for Latchkey: create role latchkey login password ...; create database latchkey owner latchkey;',
    );
  }
  if (server.encoding !== 'UTF8') {
    refuse(
      `The database ${server.database} is encoded in ${server.encoding}.`,
      'Make one with encoding UTF8.',
    );
  }
  if (server.standby) refuse('DATABASE_URL points to a standby.', 'Point it to the primary.');
}

/**
 * The login owns nothing and may do nothing by itself; it only becomes the owner or a door. So a session that drops
 * its role falls back to no rights, and the owner is not shown what the doors are shown.
 */
async function ensureRoles(client: pg.Client, server: Server): Promise<void> {
  const wanting = await missing(client, server);
  if (wanting.length === 0) return;
  for (const statement of wanting) {
    // Whatever we may not do the administrator is asked for; another process may be doing the same just now.
    await client.query(statement).catch(() => {});
  }
  const left = await missing(client, server);
  if (left.length === 0) return;
  throw new Fault('cannot_start', `The database lacks roles or rights that Latchkey needs.`, {
    cure: `Ask the database administrator to run, in ${server.database}: ${left.join(' ')}`,
  });
}

/** The statements that would make roles and rights complete, in order; none when they are. */
async function missing(client: pg.Client, server: Server): Promise<readonly string[]> {
  const states = await roleStates(client, server.version);
  const user = pg.escapeIdentifier(server.user);
  const perGrant = server.version >= 160_000 ? ' with inherit false, set true' : '';
  const wanting = states.filter((role) => !role.settable || role.inherited);
  return [
    ...states.filter((role) => !role.exists).map((role) => `create role ${role.name} nologin;`),
    ...states.filter((role) => role.unsafe).map((role) => `alter role ${role.name} nosuperuser nobypassrls;`),
    ...wanting.map((role) => `grant ${role.name} to ${user}${perGrant};`),
    ...(states[0]?.exists === true ? await missingRights(client, server) : ownerRights(server)),
    // Before version 16 only the whole role can decline to inherit. Last: until here it may need what it inherits.
    ...(perGrant === '' && server.inherits && wanting.length > 0 ? [`alter role ${user} noinherit;`] : []),
  ];
}

async function roleStates(client: pg.Client, version: number): Promise<readonly RoleState[]> {
  const maySet = version >= 160_000 ? 'set' : 'member';
  const { rows } = await client.query<RoleState>(
    `select name, oid is not null as exists, coalesce(rolsuper or rolbypassrls, false) as unsafe,
       coalesce(pg_has_role(session_user, oid, $2), false) as settable,
       coalesce(pg_has_role(session_user, oid, 'usage'), false) as inherited
     from unnest($1::text[]) with ordinality as wanted (name, position)
     left join pg_roles on rolname = name order by position`,
    [[ownerRole, ...Object.values(doorRoles)], maySet],
  );
  return rows;
}

async function missingRights(client: pg.Client, server: Server): Promise<readonly string[]> {
  const { rows } = await client.query<{ complete: boolean }>(
    `select has_database_privilege($1, current_database(), 'create')
       and has_schema_privilege($1, 'public', 'create') and has_schema_privilege($1, 'public', 'usage') as complete`,
    [ownerRole],
  );
  return rows[0]?.complete === true ? [] : ownerRights(server);
}

function ownerRights(server: Server): readonly string[] {
  return [
    `grant create on database ${pg.escapeIdentifier(server.database)} to ${ownerRole};`,
    // The schema belongs to whoever owns the database; a login that does not inherit has to say so.
    ...(server.ownsDatabase ? ['set role pg_database_owner;'] : []),
    `grant usage, create on schema public to ${ownerRole};`,
    ...(server.ownsDatabase ? ['reset role;'] : []),
  ];
}

function unreachable(cause: unknown, login: pg.ClientConfig): Fault {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'no answer';
  // 28xxx: wrong password or no entry in pg_hba.conf; 3D000: no such database.
  const cure = code.startsWith('28')
    ? 'Check user and password in DATABASE_URL.'
    : code === '3D000'
      ? `Create the database ${login.database ?? ''} first.`
      : 'Check DATABASE_URL and that the server is running.';
  const where = `${login.host ?? 'the default host'}:${login.port ?? ''}`;
  return new Fault('cannot_start', `The database at ${where} cannot be used (${code}).`, { cure, cause });
}
