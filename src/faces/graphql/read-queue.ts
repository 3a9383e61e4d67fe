// Reads of one GraphQL request share transactions, one read after the other: a request never holds more than one
// connection, however many nested fields it resolves, and nobody pays a BEGIN and a COMMIT per field.
import type { Tx } from '../../storage/doors.ts';

export type Read = <T>(work: (tx: Tx) => Promise<T>) => Promise<T>;

export function createReadQueue(open: (work: (tx: Tx) => Promise<void>) => Promise<void>): Read {
  const waiting: { readonly run: (tx: Tx) => Promise<void>; readonly fail: (error: unknown) => void }[] = [];
  let isOpen = false;

  async function drain(): Promise<void> {
    isOpen = true;
    while (waiting.length > 0) {
      try {
        await open(async (tx) => {
          for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await next.run(tx);
        });
      } catch (error) {
        // The transaction did not open or was lost: whoever waits for it learns why.
        for (const read of waiting.splice(0)) read.fail(error);
      }
    }
    isOpen = false;
  }

  return (work) =>
    new Promise((resolve, reject) => {
      waiting.push({ run: (tx) => work(tx).then(resolve, reject), fail: reject });
      if (!isOpen) void drain();
    });
}
