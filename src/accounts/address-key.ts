// Whom a limit counts when all that is known is where a request came from.
import ipaddr from 'ipaddr.js';

/** An IPv6 customer has a /64 at least; counting single addresses would count nothing. */
export function addressKey(address: string | null): string {
  if (address === null || !ipaddr.isValid(address)) return 'unknown';
  const parsed = ipaddr.process(address);
  if (parsed instanceof ipaddr.IPv4) return parsed.toString();
  return parsed.toNormalizedString().split(':').slice(0, 4).join(':');
}
