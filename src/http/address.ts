import { BlockList, isIP } from 'node:net';

/** Normalises an address: IPv4 in its own notation, even if a dual-stack socket shows it inside IPv6 (`::ffff:192.0.2.1`). */
export function plainAddress(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:(?=\d+\.)/, '');
}

const GROUPS = 8;
const NETWORK_GROUPS = 4;

/**
 * The unit that limits per address apply to. For IPv6 it is the whole network (/64), because a machine may use any of its addresses (RFC
 * 4291 §2.5.1, RFC 8981).
 *
 * @param address as `plainAddress` returns it
 */
export function addressGroup(address: string): string {
  if (!address.includes(':')) return address;
  const [left, right] = address.split('::').map((part) => part.split(':').filter((group) => group !== ''));
  const known = (left?.length ?? 0) + (right?.length ?? 0);
  const groups = [...(left ?? []), ...Array<string>(Math.max(0, GROUPS - known)).fill('0'), ...(right ?? [])];
  return `${groups.slice(0, NETWORK_GROUPS).join(':')}::/64`;
}

// Addresses whose answer a list remembers: more than ask at a time on most installations, in about a megabyte.
const MAX_REMEMBERED = 10_000;

/** A list of addresses and networks. */
export class AddressList {
  private readonly list = new BlockList();
  // A BlockList parses the address each time, which costs 3 us, several times for each connection and request.
  private readonly answers = new Map<string, boolean>();

  /** @param entries addresses, and networks such as `192.0.2.0/24`; validated with the settings */
  constructor(entries: readonly string[]) {
    for (const entry of entries) {
      const [address = '', prefix] = entry.split('/');
      if (prefix === undefined) this.list.addAddress(address, family(address));
      else this.list.addSubnet(address, Number(prefix), family(address));
    }
  }

  /** @param address as `plainAddress` returns it; text that is not an address is in no list */
  has(address: string): boolean {
    const remembered = this.answers.get(address);
    if (remembered !== undefined) return remembered;
    if (isIP(address) === 0) return false;
    if (this.answers.size >= MAX_REMEMBERED) this.answers.clear();
    const answer = this.list.check(address, family(address));
    this.answers.set(address, answer);
    return answer;
  }
}

function family(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}
