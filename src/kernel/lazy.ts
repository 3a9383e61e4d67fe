// Something large that is made at its first use: most processes never pay for it.

/** `make` runs at the first call; later ones get what it answered. A promise that fails is not kept. */
export function lazy<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null;
  return () => {
    made ??= make().catch((error: unknown) => {
      made = null;
      throw error;
    });
    return made;
  };
}
