// A thing that is made when it is first needed, and once.

export type Lazy<T> = {
  readonly get: () => Promise<T>;
  /** Null as long as nobody has needed it. */
  readonly ready: () => T | null;
};

export function lazily<T>(make: () => Promise<T>): Lazy<T> {
  let promise: Promise<T> | null = null;
  let value: T | null = null;
  return {
    get: () => {
      promise ??= make().then((made) => {
        value = made;
        return made;
      });
      return promise;
    },
    ready: () => value,
  };
}
