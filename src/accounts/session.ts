// From a browser's cookie to who acts. The session is asked of the database each time, so that an ended one is over at
// once everywhere; the rights behind it come from the memory of authority, which follows within 3 s.
import { Fault, isFault } from '../kernel/fault.ts';
import type { PrincipalId, TenantId, UnitId } from '../kernel/ids.ts';
import type { Doors } from '../storage/doors.ts';
import type { Actor } from '../tenancy/actor.ts';
import type { Authority } from '../tenancy/authority.ts';
import { findUnit } from '../tenancy/unit.ts';
import { updateSessionPrincipal } from './auth-store.ts';
import { selectPersonByAuthUser, selectPrincipalsOfPerson } from './person-store.ts';
import type { LibrarySession } from './sign-in-library.ts';

/** Where a person can act. */
export type Place = {
  readonly tenant: TenantId;
  readonly principalId: PrincipalId;
  readonly unitId: UnitId;
  readonly unitName: string;
};

export type Sessions = {
  /** Null for a cookie without a live session, and for a person who may no longer act. */
  readonly actorByCookie: (cookie: string) => Promise<Actor | null>;
  readonly placesOf: (actor: Actor) => Promise<readonly Place[]>;
  /** The actor's session acts from now on as another principal of the same person. */
  readonly actAs: (actor: Actor, tenant: TenantId, principalId: PrincipalId) => Promise<Actor>;
};

export function createSessions(deps: {
  readonly doors: Doors;
  readonly authority: Pick<Authority, 'actorByPrincipal'>;
  readonly library: { readonly session: (cookie: string) => Promise<LibrarySession | null> };
}): Sessions {
  const { doors, authority, library } = deps;

  async function load(tenant: TenantId, principalId: PrincipalId, sessionId: string): Promise<Actor | null> {
    try {
      const actor = await authority.actorByPrincipal(tenant, principalId);
      return actor.personId === null ? null : { ...actor, sessionId };
    } catch (error) {
      if (isFault(error, 'not_authenticated')) return null;
      throw error;
    }
  }

  return {
    async actorByCookie(cookie) {
      const session = await library.session(cookie);
      if (session === null || session.tenant === null || session.principalId === null) return null;
      return await load(session.tenant, session.principalId, session.id);
    },
    async placesOf(actor) {
      if (actor.personId === null) return [];
      const { personId } = actor;
      const principals = await doors.locate((tx) => selectPrincipalsOfPerson(tx, personId));
      const places = await Promise.all(
        principals.map(async (principal) => {
          const unit = await doors.withTenant(principal.tenant, (tx) => findUnit(tx, principal.unitId));
          return unit === null ? null : { ...principal, unitName: unit.name };
        }),
      );
      return places.filter((place) => place !== null);
    },
    async actAs(actor, tenant, principalId) {
      const { personId, sessionId } = actor;
      if (personId === null || sessionId === null) throw notYours();
      const principals = await doors.locate((tx) => selectPrincipalsOfPerson(tx, personId));
      if (!principals.some((one) => one.tenant === tenant && one.principalId === principalId))
        throw notYours();
      await doors.asAccounts((tx) => updateSessionPrincipal(tx, { id: sessionId, tenant, principalId }));
      const changed = await load(tenant, principalId, sessionId);
      if (changed === null) throw notYours();
      return changed;
    },
  };
}

/** As whom a new session acts: the person's oldest principal. */
export function firstPrincipalOf(doors: Doors) {
  return async (userId: string) => {
    const person = await doors.asAccounts((tx) => selectPersonByAuthUser(tx, userId));
    if (person === null) return null;
    const [first] = await doors.locate((tx) => selectPrincipalsOfPerson(tx, person.id));
    return first ?? null;
  };
}

function notYours(): Fault {
  return new Fault('not_found', 'You have no access there.', { cure: 'Choose one of your organizations.' });
}
