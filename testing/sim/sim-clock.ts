// Time that only the simulation lets pass: events in their order, and between two of them whatever they have woken.
import type { Clock } from '../../src/kernel/clock.ts';

export type SimClock = Clock & {
  readonly at: (ms: number, work: () => void) => void;
  readonly run: (untilMs: number) => Promise<void>;
};

type Event = { readonly ms: number; readonly no: number; readonly work: () => void };

/** Any day will do, as long as it is the same one for each seed. */
const startMs = Date.UTC(2026, 0, 1);

export function createSimClock(): SimClock {
  // A heap, earliest first; of the same moment in the order in which they were set.
  const heap: Event[] = [];
  let nowMs = 0;
  let no = 0;
  const isEarlier = (one: Event, other: Event) =>
    one.ms < other.ms || (one.ms === other.ms && one.no < other.no);

  function push(event: Event): void {
    let at = heap.push(event) - 1;
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = heap[up] as Event;
      if (!isEarlier(event, parent)) break;
      heap[at] = parent;
      at = up;
    }
    heap[at] = event;
  }

  function pop(): Event {
    const first = heap[0] as Event;
    const last = heap.pop() as Event;
    if (heap.length === 0) return first;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      if (left >= heap.length) break;
      const right = left + 1;
      const child =
        right < heap.length && isEarlier(heap[right] as Event, heap[left] as Event) ? right : left;
      if (!isEarlier(heap[child] as Event, last)) break;
      heap[at] = heap[child] as Event;
      at = child;
    }
    heap[at] = last;
    return first;
  }

  return {
    now: () => new Date(startMs + nowMs),
    monotonicMs: () => nowMs,
    at: (ms, work) => {
      no += 1;
      push({ ms: Math.max(ms, nowMs), no, work });
    },
    run: async (untilMs) => {
      while (heap.length > 0 && (heap[0] as Event).ms <= untilMs) {
        const event = pop();
        nowMs = event.ms;
        event.work();
        // Everything that this has woken runs to its next wait, before time goes on.
        await new Promise((resolve) => setImmediate(resolve));
      }
      nowMs = untilMs;
    },
  };
}
