// Looking up names for components. The system looks up only a few at a time, for refreshes as well, and none can be called
// back: whoever asks for many names that nobody answers would keep all tenants waiting.
/** The name of the error is what the log says. */
class TooManyNamesAtOnce extends Error {
  override readonly name = 'TooManyNamesAtOnce';
}

type Resolve = (host: string) => Promise<readonly string[]>;

/** Of one tenant, at once. Many connections to one host are one look. */
const maxNames = 8;

export function createNameLookups(
  resolve: Resolve,
): (tenant: string, host: string) => Promise<readonly string[]> {
  const byTenant = new Map<string, Map<string, Promise<readonly string[]>>>();
  return (tenant, host) => {
    const looks = byTenant.get(tenant) ?? new Map<string, Promise<readonly string[]>>();
    const known = looks.get(host);
    if (known !== undefined) return known;
    if (looks.size >= maxNames) return Promise.reject(new TooManyNamesAtOnce());
    // Its place is free when the look ends, not when whoever asked has left.
    const look = resolve(host).finally(() => {
      looks.delete(host);
      if (looks.size === 0) byTenant.delete(tenant);
    });
    looks.set(host, look);
    byTenant.set(tenant, looks);
    return look;
  };
}
