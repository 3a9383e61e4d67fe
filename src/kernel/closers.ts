// What has been opened, to be closed in the reverse order, each even when another one fails to.
import { errorFields, type Log } from './log.ts';

export type Closers = {
  readonly add: (name: string, close: () => unknown) => void;
  readonly closeAll: () => Promise<void>;
};

export function createClosers(log: Log): Closers {
  const opened: { readonly name: string; readonly close: () => unknown }[] = [];
  let closing: Promise<void> | null = null;

  async function run(): Promise<void> {
    for (const { name, close } of opened.splice(0).reverse()) {
      try {
        await close();
      } catch (error) {
        log.warn(`closing ${name} failed`, errorFields(error));
      }
    }
  }

  return {
    add: (name, close) => {
      opened.push({ name, close });
    },
    closeAll: () => {
      closing ??= run();
      return closing;
    },
  };
}
