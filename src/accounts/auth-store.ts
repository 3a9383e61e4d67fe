// SQL of the schema `auth`, and the library's own way to it: through the accounts door, in that schema and no other.
import { Kysely, PostgresDialect, sql } from 'kysely';
import type { PrincipalId, TenantId } from '../kernel/ids.ts';
import type { Database } from '../storage/database.ts';
import type { Tx } from '../storage/doors.ts';
import { kyselyPool } from '../storage/pool.ts';
import type {
  AuthAccountTable,
  AuthSessionTable,
  AuthUserTable,
  AuthVerificationTable,
} from '../storage/tables.ts';

export type AuthTables = {
  readonly user: AuthUserTable;
  readonly session: AuthSessionTable;
  readonly account: AuthAccountTable;
  readonly verification: AuthVerificationTable;
};

export function openAuthSchema(database: Pick<Database, 'pool'>): Kysely<AuthTables> {
  const dialect = new PostgresDialect({ pool: kyselyPool(database.pool('accounts')) });
  return new Kysely<AuthTables>({ dialect }).withSchema('auth');
}

export async function deleteAuthUserByEmail(tx: Tx, email: string): Promise<void> {
  await sql`delete from auth."user" where email = ${email}`.execute(tx);
}

export async function insertAuthUser(
  tx: Tx,
  user: { readonly id: string; readonly email: string; readonly name: string },
): Promise<void> {
  await sql`insert into auth."user" (id, email, name) values (${user.id}, ${user.email}, ${user.name})`.execute(
    tx,
  );
}

/** "credential" is the library's name for signing in with a password; the account id is then the user's. */
export async function insertPassword(
  tx: Tx,
  password: { readonly id: string; readonly userId: string; readonly hash: string },
): Promise<void> {
  await sql`
    insert into auth.account (id, "accountId", "providerId", "userId", password)
    values (${password.id}, ${password.userId}, 'credential', ${password.userId}, ${password.hash})`.execute(
    tx,
  );
}

export async function updateSessionPrincipal(
  tx: Tx,
  session: { readonly id: string; readonly tenant: TenantId; readonly principalId: PrincipalId },
): Promise<void> {
  await sql`
    update auth.session set "tenantId" = ${session.tenant}, "principalId" = ${session.principalId},
      "updatedAt" = clock_timestamp()
    where id = ${session.id}`.execute(tx);
}

export async function deleteExpiredSessions(tx: Tx): Promise<void> {
  await sql`delete from auth.session where "expiresAt" < clock_timestamp()`.execute(tx);
}
