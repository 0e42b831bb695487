import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { log } from './log.js';
import { monotonicMs, sleep } from './stats.js';

const FEW = 4_000;
// The kernel keeps a closed connection's port for a minute.
const LONGEST_WAIT_MS = 70_000;

/**
 * Waits until few ports are held by connections that were closed a moment ago (TIME_WAIT), by this run or another one: the
 * kernel looks for a free port one by one, and with tens of thousands held, that search is most of what a connect costs.
 */
export async function untilPortsAreFree(): Promise<void> {
  const until = monotonicMs() + LONGEST_WAIT_MS;
  if (heldPorts() > FEW) log(`  waiting for ports: ${heldPorts()} are held by closed connections`);
  while (heldPorts() > FEW && monotonicMs() < until) await sleep(1_000);
}

function heldPorts(): number {
  return Number(/^TCP:.* tw (\d+)/m.exec(readFileSync('/proc/net/sockstat', 'utf8'))?.[1] ?? 0);
}

// Listeners stand first in the list; behind them may be ten thousands of connections.
const HEAD_BYTES = 64 * 1_024;
// Columns of /proc/net/tcp: number, local address and port, remote ones, state; 0A is LISTEN.
const LISTENER = /^\s*\d+: [0-9A-F]{8}:([0-9A-F]{4}) [0-9A-F:]+ 0A /gm;

/** True once a process of this machine listens on the port; asking it would have to wait behind all others who ask. */
export function isListening(port: number): Promise<boolean> {
  const file = openSync('/proc/net/tcp', 'r');
  const head = Buffer.alloc(HEAD_BYTES);
  const length = readSync(file, head);
  closeSync(file);
  const listeners = head.toString('latin1', 0, length).matchAll(LISTENER);
  return Promise.resolve([...listeners].some(([, hex = '']) => parseInt(hex, 16) === port));
}
