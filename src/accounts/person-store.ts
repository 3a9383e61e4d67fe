// SQL of persons, and of the principals that a person has in any tenant.
import { sql } from 'kysely';
import type { PrincipalId, TenantId, UnitId } from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';

export type Person = { readonly id: string; readonly email: string; readonly name: string };

/** Through the accounts door. A person known by this e-mail gets the new name and sign-in. */
export async function upsertPerson(
  tx: Tx,
  person: Person & { readonly authUserId: string },
): Promise<string> {
  const stored = await sql<{ id: string }>`
    insert into person (id, email, name, auth_user_id)
    values (${person.id}, ${person.email}, ${person.name}, ${person.authUserId})
    on conflict (email) do update
      set name = excluded.name, auth_user_id = excluded.auth_user_id, updated_at = clock_timestamp()
    returning id`.execute(tx);
  return stored.rows[0]?.id ?? person.id;
}

/** Through the accounts door. */
export async function selectPersonByAuthUser(tx: Tx, authUserId: string): Promise<Person | null> {
  const found = await sql<Person>`
    select id, email, name from person where auth_user_id = ${authUserId}`.execute(tx);
  return found.rows[0] ?? null;
}

/** Through the accounts door. */
export async function selectPersonByEmail(tx: Tx, email: string): Promise<Person | null> {
  const found = await sql<Person>`select id, email, name from person where email = ${email}`.execute(tx);
  return found.rows[0] ?? null;
}

/** Through the accounts door: everybody, by e-mail. */
export async function selectPersons(tx: Tx): Promise<readonly Person[]> {
  const found = await sql<Person>`select id, email, name from person order by email`.execute(tx);
  return found.rows;
}

export type PersonPrincipal = {
  readonly tenant: TenantId;
  readonly principalId: PrincipalId;
  readonly unitId: UnitId;
};

/** Through the locator's door: all tenants, oldest first, without disabled ones. */
export async function selectPrincipalsOfPerson(
  tx: Tx,
  personId: string,
): Promise<readonly PersonPrincipal[]> {
  const found = await sql<PersonPrincipal>`
    select tenant_id as tenant, id as "principalId", unit_id as "unitId" from principal
    where person_id = ${personId} and disabled_at is null order by created_at, id`.execute(tx);
  return found.rows;
}

export type PlaceOfPerson = {
  readonly personId: string;
  readonly tenant: TenantId;
  readonly isDisabled: boolean;
};

/** Through the locator's door: the tenants of every person, once each, those that disabled the person included. */
export async function selectPlacesOfPersons(tx: Tx): Promise<readonly PlaceOfPerson[]> {
  const found = await sql<PlaceOfPerson>`
    select person_id as "personId", tenant_id as tenant, bool_and(disabled_at is not null) as "isDisabled" from principal
    where person_id is not null group by person_id, tenant_id order by min(created_at), tenant_id`.execute(
    tx,
  );
  return found.rows;
}

/** Through the locator's door. */
export async function existsPersonPrincipal(tx: Tx): Promise<boolean> {
  const found = await sql<{ exists: boolean }>`
    select exists (select from principal where person_id is not null) as exists`.execute(tx);
  return found.rows[0]?.exists === true;
}
