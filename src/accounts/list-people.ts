// The persons of this installation with their organizations, for the operator who has to find the right one.
import type { TenantId, UnitId } from '../kernel/ids.ts';
import type { Doors } from '../storage/doors.ts';
import { findUnit } from '../tenancy/unit.ts';
import { selectPersons, selectPlacesOfPersons } from './person-store.ts';

export type ListedPerson = {
  readonly email: string;
  readonly name: string;
  /** In each of them, or a customer of it. */
  readonly organizations: readonly {
    readonly id: TenantId;
    readonly name: string | null;
    readonly isDisabled: boolean;
  }[];
  /** May act nowhere any more. */
  readonly isDisabled: boolean;
};

export async function listPeople(doors: Doors): Promise<readonly ListedPerson[]> {
  const persons = await doors.asAccounts(selectPersons);
  const places = await doors.locate(selectPlacesOfPersons);
  const names = new Map<TenantId, string | null>();
  for (const { tenant } of places) {
    if (names.has(tenant)) continue;
    const unit = await doors.withTenant(tenant, (tx) => findUnit(tx, tenant as string as UnitId));
    names.set(tenant, unit?.name ?? null);
  }
  return persons.map(({ id, email, name }) => {
    const organizations = places
      .filter((place) => place.personId === id)
      .map(({ tenant, isDisabled }) => ({ id: tenant, name: names.get(tenant) ?? null, isDisabled }));
    const isDisabled = organizations.every((organization) => organization.isDisabled);
    return { email, name, organizations, isDisabled };
  });
}
