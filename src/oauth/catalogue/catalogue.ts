// The providers that we know, found by the host of the token endpoint that a person typed.
import type { ProviderEntry } from './provider-entry.ts';

export const providerEntries: readonly ProviderEntry[] = [];

/** The entry whose token host is the host of `tokenUrl` or a parent of it. */
export function findProviderEntry(tokenUrl: string): ProviderEntry | null {
  const host = /^https:\/\/([^/?#:@]+)(?::443)?(?:[/?]|$)/i.exec(tokenUrl)?.[1]?.toLowerCase();
  if (host === undefined) return null;
  return (
    providerEntries.find((entry) =>
      entry.tokenHosts.some((known) => host === known || host.endsWith(`.${known}`)),
    ) ?? null
  );
}
