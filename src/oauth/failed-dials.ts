// What the log says of connections that components could not open. A component that dials in a loop fails thousands of times
// a second; the operator needs the reason once, and the number.
import { type Every, systemEvery } from '../kernel/clock.ts';
import type { Log, LogFields } from '../kernel/log.ts';

type FailedDial = { readonly tenant: string; readonly host: string; readonly port: number };
export type NoteFailedDial = (dial: FailedDial, why: LogFields) => void;

const roundMs = 60_000;
/** Of each tenant, told in one round: a component may also walk through names and ports. */
const maxTold = 20;

/** In each minute, the first failure at each host and port is a line of its own; the rest is one line that counts it. */
export function createFailedDials(log: Log, every: Every = systemEvery): NoteFailedDial {
  const told = new Map<string, Set<string>>();
  const untold = new Map<string, number>();
  let stop: (() => void) | null = null;

  function endRound(): void {
    for (const [tenant, times] of untold)
      log.warn('a component could not connect more often', { tenant, times });
    told.clear();
    untold.clear();
    stop?.();
    stop = null;
  }

  return ({ tenant, host, port }, why) => {
    // Only while there is something to count: an idle server has no timer for it.
    stop ??= every(roundMs, endRound);
    const places = told.get(tenant) ?? new Set();
    told.set(tenant, places);
    const place = `${host}:${port}`;
    if (places.has(place) || places.size >= maxTold) {
      untold.set(tenant, (untold.get(tenant) ?? 0) + 1);
      return;
    }
    places.add(place);
    log.warn('a component could not connect', { tenant, host, port, ...why });
  };
}
