// Signing in, out and changing the password: limits before work, the same words for every refusal, a record of each.
import { audit, systemActor } from '../audit/event.ts';
import type { Clock } from '../kernel/clock.ts';
import { Fault, invalidField, isFault } from '../kernel/fault.ts';
import { platformTenantId } from '../kernel/ids.ts';
import type { Plain } from '../kernel/plain.ts';
import type { Doors } from '../storage/doors.ts';
import type { Actor } from '../tenancy/actor.ts';
import { addressKey } from './address-key.ts';
import { createAttemptLimit, refuseWhenLimited } from './attempt-limit.ts';
import { checkPassword, maxPasswordLength } from './password-rule.ts';
import { selectPersonByEmail, selectPrincipalsOfPerson } from './person-store.ts';
import type { Sessions } from './session.ts';
import { signInEmail } from './sign-in-email.ts';
import type { Browser, SignInLibrary } from './sign-in-library.ts';

export type SignedIn = {
  /** `set-cookie` values for the browser. */
  readonly cookies: readonly string[];
  readonly actor: Actor;
};

export type SignIn = {
  readonly signIn: (email: string, password: Plain, browser: Browser) => Promise<SignedIn>;
  readonly signOut: (browser: Browser) => Promise<readonly string[]>;
  /** Ends every session of the person and begins a new one. */
  readonly changePassword: (
    actor: Actor,
    change: { readonly current: Plain; readonly next: Plain },
    browser: Browser,
  ) => Promise<SignedIn>;
};

const windowMs = 60_000;
const attemptsPerAccount = 5;
const attemptsPerAddress = 20;

export function createSignIn(deps: {
  readonly doors: Doors;
  readonly clock: Clock;
  readonly library: SignInLibrary;
  readonly sessions: Sessions;
}): SignIn {
  const { doors, clock, library, sessions } = deps;
  const accounts = createAttemptLimit({ clock, max: attemptsPerAccount, windowMs });
  const addresses = createAttemptLimit({ clock, max: attemptsPerAddress, windowMs });

  async function begin(cookies: readonly string[], browser: Browser): Promise<SignedIn> {
    const actor = await sessions.actorByCookie(toCookieHeader(cookies));
    if (actor === null) throw wrong();
    await doors.withTenant(actor.tenant, (tx) =>
      audit(tx, {
        actor,
        action: 'session.started',
        object: { kind: 'session', id: actor.sessionId ?? '' },
        detail: { address: browser.address },
      }),
    );
    return { cookies, actor };
  }

  return {
    async signIn(email, password, browser) {
      const address = addressKey(browser.address);
      refuseWhenLimited(addresses.take(address));
      const known = readEmail(email);
      refuseWhenLimited(accounts.take(known ?? email.trim().toLowerCase().slice(0, 300)));
      if (known === null || password.byteLength > maxPasswordLength * 4) throw wrong();
      // Without the browser's old cookie: a session planted before the sign-in has no part in it.
      const cookies = await library.signIn(known, password, { ...browser, cookie: null });
      if (cookies === null) {
        await auditFailure(doors, known, browser);
        throw wrong();
      }
      const signedIn = await begin(cookies, browser);
      if (browser.cookie !== null) await library.signOut(browser);
      accounts.forget(known);
      return signedIn;
    },
    async signOut(browser) {
      const actor = browser.cookie === null ? null : await sessions.actorByCookie(browser.cookie);
      const cookies = await library.signOut(browser);
      if (actor !== null) {
        await doors.withTenant(actor.tenant, (tx) =>
          audit(tx, {
            actor,
            action: 'session.ended',
            object: { kind: 'session', id: actor.sessionId ?? '' },
          }),
        );
      }
      return cookies;
    },
    async changePassword(actor, { current, next }, browser) {
      refuseWhenLimited(addresses.take(addressKey(browser.address)));
      refuseWhenLimited(accounts.take(actor.email ?? actor.principalId));
      checkPassword(next, [actor.name, actor.email ?? ''], 'newPassword');
      const cookies = await library.changePassword(current, next, browser);
      if (cookies === null)
        throw invalidField('currentPassword', 'is wrong.', 'Type the one you signed in with.');
      await doors.withTenant(actor.tenant, (tx) =>
        audit(tx, {
          actor,
          action: 'principal.updated',
          object: { kind: 'principal', id: actor.principalId },
          fields: ['password'],
        }),
      );
      const signedIn = await begin(cookies, browser);
      return { cookies, actor: await sessions.actAs(signedIn.actor, actor.tenant, actor.principalId) };
    },
  };
}

function readEmail(text: string): string | null {
  try {
    return signInEmail(text);
  } catch (error) {
    if (isFault(error, 'invalid_field')) return null;
    throw error;
  }
}

function toCookieHeader(setCookies: readonly string[]): string {
  return setCookies.map((cookie) => cookie.split(';')[0]).join('; ');
}

// The same statements for an e-mail that nobody has, so that time does not tell which ones exist.
async function auditFailure(doors: Doors, email: string, browser: Browser): Promise<void> {
  const person = await doors.asAccounts((tx) => selectPersonByEmail(tx, email));
  const [principal] = await doors.locate((tx) =>
    selectPrincipalsOfPerson(tx, person?.id ?? platformTenantId),
  );
  await doors.withTenant(principal?.tenant ?? platformTenantId, (tx) =>
    audit(tx, {
      actor:
        person === null || principal === undefined
          ? systemActor
          : { kind: 'person', principalId: principal.principalId, name: person.name },
      action: 'authentication.failed',
      object: null,
      result: 'refused',
      detail: { method: 'password', address: browser.address },
    }),
  );
}

function wrong(): Fault {
  return new Fault('not_authenticated', 'E-mail or password is wrong.', { cure: 'Try again.' });
}
