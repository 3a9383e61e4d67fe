// Where requests hang: until released, until their time is over, or until the client leaves. Tests steer races
// with it instead of sleeping.
import type { ServerResponse } from 'node:http';

export type WaitEnd = 'released' | 'elapsed' | 'gone' | 'closed';

export type WaitingRoom = {
  readonly wait: (
    res: ServerResponse,
    options: { readonly ms: number | null; readonly leaveWithClient: boolean },
  ) => Promise<WaitEnd>;
  /** Lets everybody go; answers how many there were. */
  readonly release: (end?: 'released' | 'closed') => number;
  readonly count: () => number;
  /** Resolves once at least `count` requests hang. */
  readonly whenWaiting: (count: number) => Promise<void>;
};

export function createWaitingRoom(): WaitingRoom {
  const waiting = new Set<(end: WaitEnd) => void>();
  let watchers: { readonly count: number; readonly resolve: () => void }[] = [];

  function tellWatchers(): void {
    const reached = watchers.filter(({ count }) => waiting.size >= count);
    watchers = watchers.filter(({ count }) => waiting.size < count);
    for (const { resolve } of reached) resolve();
  }

  return {
    wait: (res, { ms, leaveWithClient }) =>
      new Promise((resolve) => {
        if (leaveWithClient && res.destroyed) return resolve('gone');
        const onGone = () => leave('gone');
        const timer = ms === null ? null : setTimeout(() => leave('elapsed'), ms);
        const leave = (end: WaitEnd) => {
          if (timer !== null) clearTimeout(timer);
          res.off('close', onGone);
          waiting.delete(leave);
          resolve(end);
        };
        if (leaveWithClient) res.once('close', onGone);
        waiting.add(leave);
        tellWatchers();
      }),
    release: (end = 'released') => {
      const everybody = [...waiting];
      for (const leave of everybody) leave(end);
      return everybody.length;
    },
    count: () => waiting.size,
    whenWaiting: (count) =>
      new Promise((resolve) => {
        watchers.push({ count, resolve });
        tellWatchers();
      }),
  };
}
