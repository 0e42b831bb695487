import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { endianness } from 'node:os';
import type { Socket } from 'node:net';
import { plainAddress } from '../../http/address.js';

// proc(5), "/proc/net/tcp": number, local and remote address, state, send queue and receive queue; all but the number in hexadecimal.
// Matches only connections with something to send: most have nothing, and thousands are closed already (TIME_WAIT).
const LINE = /^ *\d+: [0-9A-F]+:([0-9A-F]{4}) ([0-9A-F]+):([0-9A-F]{4}) [0-9A-F]{2} (?!0{8})([0-9A-F]{8}):/gm;
const TABLES = ['/proc/net/tcp', '/proc/net/tcp6'];
/** True on systems that report how many bytes of a connection have not arrived yet. */
export const CAN_READ_SEND_QUEUES = TABLES.some((table) => existsSync(table));

const IPV6_GROUPS = 8;
const MAPPED_IPV4 = /^0{20}ffff/;

/**
 * Identifies a connection in the format of the kernel's tables, even after its socket has closed.
 *
 * @param localPort the port of the server
 */
export function connectionOf({ remotePort = 0, remoteAddress }: Socket, localPort: number): string {
  return `${localPort} ${hexOf(plainAddress(remoteAddress))} ${remotePort}`;
}

/**
 * Reads how many bytes of each connection the peer has not acknowledged yet. A socket counts bytes as sent once the kernel has accepted
 * them, which for a slow client may be the whole image at once.
 *
 * @returns bytes by the key of the connection (`connectionOf`), without those that have nothing to send; empty on systems other than Linux
 */
export async function readSendQueues(): Promise<Map<string, number>> {
  const queues = new Map<string, number>();
  for (const table of TABLES) {
    const text = await readFile(table, 'latin1').catch(() => '');
    for (const [, localPort = '', address = '', remotePort = '', queue = ''] of text.matchAll(LINE)) {
      const bytes = Number.parseInt(queue, 16);
      const ports = [localPort, remotePort].map((port) => Number.parseInt(port, 16));
      queues.set(`${ports[0]} ${fromKernel(address)} ${ports[1]}`, bytes);
    }
  }
  return queues;
}

/** An address as its bytes in hexadecimal. */
function hexOf(address: string): string {
  if (!address.includes(':'))
    return address
      .split('.')
      .map((byte) => hex(Number(byte), 2))
      .join('');
  const [left = [], right = []] = (address.split('%')[0] ?? '')
    .split('::')
    .map((part) => part.split(':').filter((group) => group !== ''));
  const zeros = Array<string>(Math.max(0, IPV6_GROUPS - left.length - right.length)).fill('0');
  return [...left, ...zeros, ...right].map((group) => group.padStart(4, '0')).join('');
}

/** Converts an address: the kernel prints each 32 bits as a number in the machine's byte order. */
function fromKernel(address: string): string {
  const words = address.toLowerCase().match(/.{8}/g) ?? [];
  const ordered =
    endianness() === 'LE' ? words.map((word) => (word.match(/../g) ?? []).reverse().join('')) : words;
  return ordered.join('').replace(MAPPED_IPV4, '');
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
