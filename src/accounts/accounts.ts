// People's accounts as one service: the set-up link, sign-in, sessions, and the way back after a forgotten password.
import type { Kysely } from 'kysely';
import type { Clock } from '../kernel/clock.ts';
import { platformTenantId } from '../kernel/ids.ts';
import { errorFields, type Log } from '../kernel/log.ts';
import type { Plain } from '../kernel/plain.ts';
import type { Database } from '../storage/database.ts';
import type { Doors } from '../storage/doors.ts';
import type { Authority } from '../tenancy/authority.ts';
import type { Vault } from '../vault/vault.ts';
import { addressKey } from './address-key.ts';
import { createAttemptLimit, refuseWhenLimited } from './attempt-limit.ts';
import { type AuthTables, deleteExpiredSessions, openAuthSchema } from './auth-store.ts';
import { personOfResetLink } from './password-reset-link.ts';
import type { Person } from './person-store.ts';
import { recordPasswordResets, resetPassword } from './reset-password.ts';
import { createSessions, firstPrincipalOf, type Sessions } from './session.ts';
import { type Founding, setUp } from './set-up.ts';
import { makeSetupLink, requireLiveSetupLink } from './setup-link.ts';
import { createSignIn, type SignedIn, type SignIn } from './sign-in.ts';
import { type Browser, createSignInLibrary } from './sign-in-library.ts';

export type Accounts = Sessions &
  SignIn & {
    /** The token of a new set-up link, while there is no owner; voids older links. Null otherwise. */
    readonly ensureSetupLink: () => Promise<string | null>;
    /** Fault `not_found` or `gone` for a link that cannot be used. */
    readonly requireLiveSetupLink: (token: string) => Promise<void>;
    readonly setUp: (founding: Founding, browser: Browser) => Promise<SignedIn>;
    /** Whose password the link resets; one same Fault `gone` for every link that cannot be used. */
    readonly personOfResetLink: (token: string) => Promise<Person>;
    /** Ends every session of the person, and the browser's whoever's it is; answers the cookies that remove it. */
    readonly resetPassword: (token: string, password: Plain, browser: Browser) => Promise<readonly string[]>;
  };

const resetsPerAddress = { max: 20, windowMs: 60_000 };

export async function createAccounts(deps: {
  readonly database: Pick<Database, 'pool'>;
  readonly doors: Doors;
  readonly vault: Vault;
  readonly authority: Authority;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether browsers reach us by https: decides the cookie's name and whether it is Secure. */
  readonly isHttps: boolean;
}): Promise<Accounts> {
  const { doors, vault, authority, clock, log, isHttps } = deps;
  const database: Kysely<AuthTables> = openAuthSchema(deps.database);
  const library = createSignInLibrary({
    database,
    secret: await cookieSecret(doors, vault),
    isHttps,
    firstPrincipal: firstPrincipalOf(doors),
  });
  const sessions = createSessions({ doors, authority, library });
  const signIn = createSignIn({ doors, clock, library, sessions });
  const resetAddresses = createAttemptLimit({ clock, ...resetsPerAddress });
  return {
    ...sessions,
    ...signIn,
    ensureSetupLink: async () => {
      // Once per start is enough: a session lives for hours, and an expired one opens nothing.
      await doors
        .asAccounts(deleteExpiredSessions)
        .catch((error: unknown) => log.warn('expired sessions were not removed', errorFields(error)));
      return await makeSetupLink(doors);
    },
    requireLiveSetupLink: (token) => requireLiveSetupLink(doors, token),
    setUp: async (founding, browser) => {
      const email = await setUp({ doors, vault, library }, founding);
      return await signIn.signIn(email, founding.password, browser);
    },
    personOfResetLink: (token) => personOfResetLink(doors, token),
    resetPassword: async (token, password, browser) => {
      refuseWhenLimited(resetAddresses.take(addressKey(browser.address)));
      await resetPassword({ doors, library }, { token, password, address: browser.address });
      // The password is set whatever becomes of its events; those that are missing are written within a minute.
      await recordPasswordResets(doors).catch((error: unknown) =>
        log.warn('a reset of a password was not recorded yet', errorFields(error)),
      );
      return await signIn.signOut(browser);
    },
  };
}

// Derived from the platform's fingerprint key, which key rotation keeps: sessions outlive restarts, nothing more is
// stored, and neither the environment nor the database holds it.
async function cookieSecret(doors: Doors, vault: Vault): Promise<string> {
  const secret = await doors.withTenant(platformTenantId, (tx) =>
    vault.fingerprint(tx, platformTenantId, 'accounts/session-cookie', 'v1'),
  );
  return secret.toString('hex');
}
