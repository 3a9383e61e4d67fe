// Where work of one kind waits for itself: while some of it is under way, more gathers and goes together in the next
// turn. The more there is to do, the less each piece costs. A turn starts after the last of its pieces has arrived.

export type GatherLimits = {
  /** Turns of one key at the same time. */
  readonly underWay: number;
  /** Bounds what one failed turn can take along, and how long the first piece waits for the last. */
  readonly together: number;
};

type Waiting<I, R> = {
  readonly item: I;
  readonly resolve: (result: R) => void;
  readonly reject: (error: unknown) => void;
};

type Line<I, R> = { underWay: number; readonly waiting: Waiting<I, R>[] };

/** `work` answers in the order of its items. When it throws, all pieces of that turn fail with the same error. */
export function createGather<K, I, R>(
  work: (key: K, items: readonly I[]) => Promise<readonly R[]>,
  limits: GatherLimits,
): (key: K, item: I) => Promise<R> {
  const lines = new Map<K, Line<I, R>>();

  async function serve(key: K, line: Line<I, R>): Promise<void> {
    line.underWay += 1;
    while (line.waiting.length > 0) {
      const turn = line.waiting.splice(0, limits.together);
      try {
        const results = await work(
          key,
          turn.map(({ item }) => item),
        );
        turn.forEach(({ resolve, reject }, index) => {
          if (index < results.length) resolve(results[index] as R);
          else reject(new Error('a turn answered less than it was asked'));
        });
      } catch (error) {
        for (const { reject } of turn) reject(error);
      }
    }
    line.underWay -= 1;
    if (line.underWay === 0) lines.delete(key);
  }

  return (key, item) =>
    new Promise((resolve, reject) => {
      const line = lines.get(key) ?? { underWay: 0, waiting: [] };
      lines.set(key, line);
      line.waiting.push({ item, resolve, reject });
      if (line.underWay < limits.underWay) void serve(key, line);
    });
}
