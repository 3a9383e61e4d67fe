// What befalls any request whatever it asks: outages, rate limits, slowness.
import type { ServerResponse } from 'node:http';
import type { Clock } from '../src/kernel/clock.ts';
import { type Answer, jsonAnswer, resetConnection, textAnswer } from './answer.ts';
import type { Behaviour } from './behaviour.ts';
import { retryAfter } from './fault-answer.ts';
import type { Latency } from './quirk.ts';
import { createWaitingRoom, type WaitingRoom } from './waiting-room.ts';

export type Weather = {
  /** Null = go on. `answer` null = there will be none. */
  readonly meet: (
    res: ServerResponse,
    options: { readonly countRate: boolean },
  ) => Promise<{ readonly outcome: string; readonly answer: Answer | null } | null>;
  readonly delay: (res: ServerResponse) => Promise<void>;
  readonly close: () => void;
};

export function createWeather(options: {
  readonly behaviour: Behaviour;
  readonly room: WaitingRoom;
  readonly clock: Clock;
  readonly random: () => number;
}): Weather {
  const { behaviour, room, clock } = options;
  const recent: number[] = [];
  // Slowness has a room of its own: releasing what tests hold must not make a slow provider fast.
  const slow = createWaitingRoom();

  async function outage(res: ServerResponse): Promise<Answer | null> {
    switch (behaviour.quirk().outage) {
      case 'reset':
        resetConnection(res);
        return null;
      case 'hang':
        await room.wait(res, { ms: null, leaveWithClient: true });
        return textAnswer(503, '', {});
      default:
        return textAnswer(503, 'Service Unavailable', { 'content-type': 'text/plain' });
    }
  }

  function isOverRate(maxPerSecond: number): boolean {
    const nowMs = clock.monotonicMs();
    while (recent[0] !== undefined && recent[0] <= nowMs - 1000) recent.shift();
    if (recent.length >= maxPerSecond) return true;
    recent.push(nowMs);
    return false;
  }

  return {
    meet: async (res, { countRate }) => {
      const quirk = behaviour.quirk();
      if (quirk.outage !== 'none') return { outcome: 'outage', answer: await outage(res) };
      if (countRate && quirk.maxPerSecond !== null && isOverRate(quirk.maxPerSecond)) {
        const headers = retryAfter(quirk.retryAfterSeconds);
        return { outcome: 'rate_limited', answer: jsonAnswer(429, { error: 'rate_limited' }, headers) };
      }
      return null;
    },
    delay: async (res) => {
      const ms = latencyMs(behaviour.quirk().latency, options.random);
      if (ms > 0) await slow.wait(res, { ms, leaveWithClient: true });
    },
    close: () => void slow.release('closed'),
  };
}

function latencyMs(latency: Latency, random: () => number): number {
  switch (latency.kind) {
    case 'none':
      return 0;
    case 'fixed':
      return latency.ms;
    case 'uniform':
      return latency.minMs + random() * (latency.maxMs - latency.minMs);
    case 'exponential':
      return Math.min(latency.maxMs, -Math.log(1 - random()) * latency.meanMs);
  }
}
