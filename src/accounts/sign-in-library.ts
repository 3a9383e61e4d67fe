// The sign-in library, held to what we use of it: passwords (scrypt), sessions and their signed cookie. Its HTTP
// routes are not mounted, so nothing of it can be reached but through these functions. Loaded at the first use: it is as
// large as everything else together, and servers that only machines use never need it.
import { newId, type PrincipalId, type TenantId } from '../kernel/ids.ts';
import { lazy } from '../kernel/lazy.ts';
import type { Plain } from '../kernel/plain.ts';
import type { openAuthSchema } from './auth-store.ts';
import { maxPasswordLength, minPasswordLength } from './password-rule.ts';

/** A working day. Sessions are not prolonged by use, so reading one writes nothing. */
const sessionSeconds = 12 * 60 * 60;

/** What of a browser's request the library may see. */
export type Browser = {
  readonly cookie: string | null;
  readonly address: string | null;
  readonly userAgent: string | null;
};

export type LibrarySession = {
  readonly id: string;
  readonly token: string;
  readonly userId: string;
  readonly tenant: TenantId | null;
  readonly principalId: PrincipalId | null;
  readonly expiresAt: Date;
};

export type SignInLibrary = {
  readonly hash: (password: Plain) => Promise<string>;
  /** `set-cookie` values of a new session, or null for a wrong e-mail or password: the same work is done for both. */
  readonly signIn: (email: string, password: Plain, browser: Browser) => Promise<readonly string[] | null>;
  /** Ends the session of the cookie, if there is one; answers the cookies that remove it. */
  readonly signOut: (browser: Browser) => Promise<readonly string[]>;
  readonly session: (cookie: string) => Promise<LibrarySession | null>;
  /** Ends all sessions and begins a new one; null when the current password is wrong. */
  readonly changePassword: (
    current: Plain,
    next: Plain,
    browser: Browser,
  ) => Promise<readonly string[] | null>;
};

export type SignInLibraryOptions = {
  readonly database: ReturnType<typeof openAuthSchema>;
  /** Signs the session cookies: a copy of the database is not enough to make one. */
  readonly secret: string;
  readonly isHttps: boolean;
  /** As whom a new session acts. */
  readonly firstPrincipal: (
    userId: string,
  ) => Promise<{ readonly tenant: TenantId; readonly principalId: PrincipalId } | null>;
};

const addressHeader = 'x-latchkey-address';

export function createSignInLibrary(options: SignInLibraryOptions): SignInLibrary {
  const load = lazy(() => createAuth(options));
  return {
    hash: async (password) => {
      const auth = await load();
      return (await auth.$context).password.hash(password.revealText());
    },
    signIn: async (email, password, browser) => {
      const auth = await load();
      const body = { email, password: password.revealText() };
      return await cookiesOf(
        auth.api.signInEmail({ body, headers: toHeaders(browser), returnHeaders: true }),
      );
    },
    signOut: async (browser) => {
      const auth = await load();
      return (await cookiesOf(auth.api.signOut({ headers: toHeaders(browser), returnHeaders: true }))) ?? [];
    },
    session: async (cookie) => {
      const auth = await load();
      const found = await auth.api.getSession({ headers: new Headers({ cookie }) });
      if (found === null) return null;
      const { session } = found;
      return {
        id: session.id,
        token: session.token,
        userId: session.userId,
        tenant: (session.tenantId ?? null) as TenantId | null,
        principalId: (session.principalId ?? null) as PrincipalId | null,
        expiresAt: session.expiresAt,
      };
    },
    changePassword: async (current, next, browser) => {
      const auth = await load();
      const body = {
        currentPassword: current.revealText(),
        newPassword: next.revealText(),
        revokeOtherSessions: true,
      };
      return await cookiesOf(
        auth.api.changePassword({ body, headers: toHeaders(browser), returnHeaders: true }),
      );
    },
  };
}

async function createAuth({ database, secret, isHttps, firstPrincipal }: SignInLibraryOptions) {
  const { betterAuth } = await import('better-auth');
  return betterAuth({
    appName: 'Latchkey',
    // Only read by the library's routes, which are not mounted; set, so that it never guesses one from a request.
    baseURL: isHttps ? 'https://latchkey.invalid' : 'http://latchkey.invalid',
    // A list, because otherwise an environment variable of the library would come first.
    secrets: [{ version: 1, value: secret }],
    database: { db: database, type: 'postgres' },
    telemetry: { enabled: false },
    // It would log the e-mail of every failed attempt.
    logger: { disabled: true },
    // Ours counts per account as well (attempt-limit.ts).
    rateLimit: { enabled: false },
    emailAndPassword: { enabled: true, disableSignUp: true, minPasswordLength, maxPasswordLength },
    session: {
      expiresIn: sessionSeconds,
      disableSessionRefresh: true,
      // A session that was ended must be over everywhere at once: every request asks the database.
      cookieCache: { enabled: false },
      additionalFields: {
        tenantId: { type: 'string', required: false, input: false },
        principalId: { type: 'string', required: false, input: false },
      },
    },
    databaseHooks: {
      session: {
        create: {
          before: async (session) => {
            const principal = await firstPrincipal(session.userId);
            // False: no session for somebody who may act nowhere.
            if (principal === null) return false;
            return { data: { ...session, tenantId: principal.tenant, principalId: principal.principalId } };
          },
        },
      },
    },
    advanced: {
      database: { generateId: () => newId<never>() },
      ipAddress: { ipAddressHeaders: [addressHeader] },
      // The prefix __Host- is put by hand: the library's own is the weaker __Secure-.
      useSecureCookies: false,
      cookies: {
        session_token: {
          name: sessionCookieName(isHttps),
          attributes: { httpOnly: true, sameSite: 'lax', path: '/', secure: isHttps },
        },
      },
    },
  });
}

function sessionCookieName(isHttps: boolean): string {
  return isHttps ? '__Host-latchkey_session' : 'latchkey_session';
}

function toHeaders(browser: Browser): Headers {
  const headers = new Headers();
  if (browser.cookie !== null) headers.set('cookie', browser.cookie);
  if (browser.address !== null) headers.set(addressHeader, browser.address);
  if (browser.userAgent !== null) headers.set('user-agent', browser.userAgent.slice(0, 300));
  return headers;
}

/** Null when the library refused with a 4xx: its answers for a wrong password. */
async function cookiesOf(answer: Promise<{ readonly headers: Headers }>): Promise<readonly string[] | null> {
  try {
    const { headers } = await answer;
    return headers.getSetCookie();
  } catch (error) {
    if (error instanceof Error && 'statusCode' in error && isRefusal(error.statusCode)) return null;
    throw error;
  }
}

function isRefusal(status: unknown): boolean {
  return status === 400 || status === 401;
}
