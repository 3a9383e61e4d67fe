// What resolvers get: who asks, the house, and how to reach rows. Every object that leaves is counted, because a small
// text can ask for a large answer (lists within lists).
import { Fault } from '../../kernel/fault.ts';
import type { Tx } from '../../storage/doors.ts';
import type { Actor } from '../../tenancy/actor.ts';
import type { House } from '../house.ts';
import { createReadQueue, type Read } from './read-queue.ts';

/** What of the house this face stands on. */
export type GraphqlRooms = Pick<
  House,
  'authenticate' | 'authority' | 'authorize' | 'clock' | 'doors' | 'log' | 'publicUrl' | 'vault'
>;

export type RequestContext = {
  readonly house: GraphqlRooms;
  readonly actor: Actor;
  readonly requestId: string;
  /** Reads share transactions; must not be called from within another read. */
  readonly read: Read;
  /** A transaction of its own, for a change. */
  readonly change: <T>(work: (tx: Tx) => Promise<T>) => Promise<T>;
  /** The same key is loaded once per request. */
  readonly once: <T>(key: string, load: () => Promise<T>) => Promise<T>;
  /** Counts objects of the answer; refuses when it becomes too large or takes too long. */
  readonly spend: (objects: number) => void;
};

const maxObjects = 10_000;
const maxSeconds = 10;

export function createRequestContext(house: GraphqlRooms, actor: Actor, requestId: string): RequestContext {
  const inTenant = <T>(work: (tx: Tx) => Promise<T>) => house.doors.withTenant(actor.tenant, work);
  const known = new Map<string, Promise<unknown>>();
  const startedMs = house.clock.monotonicMs();
  let spent = 0;
  return {
    house,
    actor,
    requestId,
    read: createReadQueue(inTenant),
    change: inTenant,
    once: <T>(key: string, load: () => Promise<T>) => {
      const promise = (known.get(key) as Promise<T> | undefined) ?? load();
      known.set(key, promise);
      return promise;
    },
    spend: (objects) => {
      spent += objects;
      const isLate = house.clock.monotonicMs() - startedMs > maxSeconds * 1_000;
      if (spent <= maxObjects && !isLate) return;
      throw new Fault(
        'too_large',
        isLate ? 'The answer takes too long.' : `The answer holds more than ${maxObjects} objects.`,
        { cure: 'Ask for less at once: a smaller "first" on the lists within lists.' },
      );
    },
  };
}
