// Which network addresses may be dialled: public unicast, plus what the operator has listed. Everything else is ours
// or somebody's inside, and a customer's URL must not reach it.
import ipaddr from 'ipaddr.js';
import { Fault } from '../kernel/fault.ts';

type Address = ReturnType<typeof ipaddr.parse>;
type Block = readonly [Address, number];

// RFC 4291 2.4: global unicast lives in 2000::/3. Naming what is allowed covers IPv4-compatible `::a.b.c.d`, NAT64,
// site-local and every range that will be reserved later.
const globalUnicastV6 = ipaddr.parseCIDR('2000::/3');

// Public by number, private by meaning: the host agent of Azure virtual machines answers here.
const publicButInternal: readonly Address[] = [ipaddr.parse('168.63.129.16')];

// Link-local (which holds the cloud metadata services) is never reached through a name, even a listed one: the
// operator vouches for a host, not for what its zone file says tomorrow. It needs an entry with the address itself.
const neverThroughName = new Set(['linkLocal', 'multicast', 'broadcast', 'unspecified', 'reserved']);

/** Parses an address in its one canonical spelling; IPv4-mapped IPv6 becomes IPv4. Null when it is none. */
export function parseAddress(text: string): Address | null {
  const bare = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text;
  // Zone ids name an interface of this machine; no stranger has a say in that.
  if (bare.includes('%')) return null;
  if (!ipaddr.IPv6.isValid(bare) && !ipaddr.IPv4.isValidFourPartDecimal(bare)) return null;
  return ipaddr.process(bare);
}

export function isPublicAddress(address: Address): boolean {
  if (address.range() !== 'unicast') return false;
  if (address.kind() === 'ipv6' && !isInBlock(address, globalUnicastV6)) return false;
  return !publicButInternal.some((other) => other.toString() === address.toString());
}

function isInBlock(address: Address, block: Block): boolean {
  return address.kind() === block[0].kind() && address.match([block[0], block[1]]);
}

export type AllowList = {
  /** The operator wrote exactly this host and port. */
  readonly hasHostPort: (host: string, port: number) => boolean;
  /** The address lies in a listed block. */
  readonly hasAddress: (address: Address) => boolean;
  readonly hasBlocks: boolean;
};

/** Reads `LATCHKEY_EGRESS_ALLOW`: entries `host:port`, `[v6]:port`, an address, or a CIDR block. */
export function parseAllowList(entries: readonly string[]): AllowList {
  const hostPorts = new Set<string>();
  const blocks: Block[] = [];
  for (const raw of entries) {
    const entry = raw.trim().toLowerCase();
    if (entry === '') continue;
    const block = parseBlock(entry);
    if (block !== null) blocks.push(block);
    else hostPorts.add(parseHostPort(entry));
  }
  return {
    hasHostPort: (host, port) => hostPorts.has(`${host}:${port}`),
    hasAddress: (address) => blocks.some((block) => isInBlock(address, block)),
    hasBlocks: blocks.length > 0,
  };
}

function parseBlock(entry: string): Block | null {
  const address = parseAddress(entry);
  if (address !== null) return [address, address.kind() === 'ipv4' ? 32 : 128];
  return ipaddr.isValidCIDR(entry) ? ipaddr.parseCIDR(entry) : null;
}

function parseHostPort(entry: string): string {
  const url = URL.canParse(`https://${entry}/`) ? new URL(`https://${entry}/`) : null;
  const port = /:(\d{1,5})$/.exec(entry)?.[1];
  const isPlain = url !== null && url.pathname === '/' && url.search === '' && url.username === '';
  if (!isPlain || port === undefined || url.hash !== '') {
    throw new Fault(
      'cannot_start',
      `LATCHKEY_EGRESS_ALLOW: "${entry}" is neither host:port nor a CIDR block.`,
      {
        cure: 'Write for example "idp.internal:8443", "127.0.0.1:9000" or "10.1.0.0/16", separated by commas.',
      },
    );
  }
  return `${url.hostname.replace(/^\[(.*)\]$/, '$1')}:${Number(port)}`;
}

/** The reason why this host must not be dialled at these addresses, or null. EVERY address has to pass. */
export function refusalOf(
  target: { readonly host: string; readonly port: number; readonly addresses: readonly Address[] },
  allow: AllowList,
): string | null {
  const isListedHost = allow.hasHostPort(target.host, target.port);
  const isLiteral = parseAddress(target.host) !== null;
  for (const address of target.addresses) {
    const range = address.range();
    const isVouchedFor = isListedHost && (isLiteral || !neverThroughName.has(range));
    if (!isPublicAddress(address) && !isVouchedFor && !allow.hasAddress(address)) {
      return `${target.host} is ${address.toString()} (${range}), which is not a public address`;
    }
  }
  return null;
}

/** Listed by name or with all of its addresses: only then are plain http and other ports than 443 permitted. */
export function isListed(
  target: { readonly host: string; readonly port: number; readonly addresses: readonly Address[] },
  allow: AllowList,
): boolean {
  return (
    allow.hasHostPort(target.host, target.port) ||
    (target.addresses.length > 0 && target.addresses.every((address) => allow.hasAddress(address)))
  );
}
