// A reader of its own, as another process would be, that keeps the names of its statements.
import { createReadCredential, type ReadCredential } from '../src/refresh/reading.ts';
import type { TestHouse } from './test-house.ts';

/** One entry for each round trip to the database since the last look. */
export function openCountingReader(house: Pick<TestHouse, 'doors' | 'vault'>): {
  readonly read: ReadCredential;
  readonly takeTrips: () => readonly string[];
} {
  const trips: string[] = [];
  const read = createReadCredential({
    vault: house.vault,
    doors: {
      ...house.doors,
      read: (tenant, statements) => {
        trips.push(statements.map(({ name }) => name).join());
        return house.doors.read(tenant, statements);
      },
    },
  });
  return { read, takeTrips: () => trips.splice(0) };
}
