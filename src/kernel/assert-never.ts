/** Ends a switch over a discriminated union: the compiler proves that no case is missing. */
export function assertNever(value: never): never {
  throw new TypeError(`Unexpected variant: ${JSON.stringify(value)}`);
}
