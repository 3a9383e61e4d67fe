// What a PostgreSQL of somebody else's must be like before we trust it with rows, and the door roles that it needs.
import pg from 'pg';
import { Fault, isFault } from '../kernel/fault.ts';
import { doorRoles } from './door-role.ts';

export type ExternalLogin = { readonly login: pg.ClientConfig; readonly startup: readonly string[] };

type Server = {
  readonly version: number;
  readonly user: string;
  readonly database: string;
  readonly encoding: string;
  readonly standby: boolean;
  readonly bypass: string | null;
  readonly mayCreateRoles: boolean;
  readonly inherits: boolean;
  readonly mayCreateTables: boolean;
  readonly mayCreateSchemas: boolean;
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

/** Refuses a server that we cannot be safe on; makes the door roles where we may. */
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
    await ensureDoorRoles(client, server);
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
      current_database()::text as database,
      (select pg_encoding_to_char(encoding)::text from pg_database where datname = current_database()) as encoding,
      pg_is_in_recovery() as standby,
      (select rolname::text from pg_roles where (rolsuper or rolbypassrls) and pg_has_role(session_user, oid, 'member')
        order by rolname = session_user desc limit 1) as bypass,
      (select rolcreaterole from pg_roles where rolname = session_user) as "mayCreateRoles",
      (select rolinherit from pg_roles where rolname = session_user) as inherits,
      has_schema_privilege(session_user, 'public', 'create') as "mayCreateTables",
      has_database_privilege(session_user, current_database(), 'create') as "mayCreateSchemas"`);
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
  if (!server.mayCreateTables || !server.mayCreateSchemas) {
    const user = pg.escapeIdentifier(server.user);
    const database = pg.escapeIdentifier(server.database);
    refuse(
      `The role ${server.user} may not create tables and schemas in ${server.database}.`,
      `Ask the database administrator to run: alter database ${database} owner to ${user};`,
    );
  }
}

async function ensureDoorRoles(client: pg.Client, server: Server): Promise<void> {
  const wanting = faulty(await roleStates(client, server.version));
  if (wanting.length === 0) return;
  const statements = doorRoleSql(server, wanting);
  if (server.mayCreateRoles) {
    for (const statement of statements) {
      // Another process may make the same role at this moment; what counts is the state afterwards.
      await client.query(statement).catch(() => {});
    }
    const left = faulty(await roleStates(client, server.version));
    if (left.length === 0) {
      refuseUnfit(await examine(client));
      return;
    }
  }
  throw new Fault('cannot_start', `The database lacks the roles of Latchkey's doors.`, {
    cure: `Ask the database administrator to run: ${statements.join(' ')}`,
  });
}

const faulty = (states: readonly RoleState[]): readonly RoleState[] =>
  states.filter((state) => !state.exists || state.unsafe || !state.settable || state.inherited);

async function roleStates(client: pg.Client, version: number): Promise<readonly RoleState[]> {
  // Inheriting a door would let the owner see what that door sees without ever asking for it.
  const maySet = version >= 160_000 ? 'set' : 'member';
  const { rows } = await client.query<RoleState>(
    `select name, oid is not null as exists, coalesce(rolsuper or rolbypassrls, false) as unsafe,
       coalesce(pg_has_role(session_user, oid, $2), false) as settable,
       coalesce(pg_has_role(session_user, oid, 'usage'), false) as inherited
     from unnest($1::text[]) as wanted (name) left join pg_roles on rolname = name order by name`,
    [Object.values(doorRoles), maySet],
  );
  return rows;
}

function doorRoleSql(server: Server, wanting: readonly RoleState[]): readonly string[] {
  const user = pg.escapeIdentifier(server.user);
  const perGrant = server.version >= 160_000 ? ' with inherit false, set true' : '';
  return [
    ...wanting.filter((role) => !role.exists).map((role) => `create role ${role.name} nologin;`),
    ...wanting
      .filter((role) => role.unsafe)
      .map((role) => `alter role ${role.name} nosuperuser nobypassrls;`),
    // Before version 16 only the whole role can decline to inherit.
    ...(perGrant === '' && server.inherits ? [`alter role ${user} noinherit;`] : []),
    ...wanting.map((role) => `grant ${role.name} to ${user}${perGrant};`),
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
