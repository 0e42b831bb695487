import { isIP, isIPv6 } from 'node:net';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { Injectable, Logger } from '@nestjs/common';
import { AppConfig } from '../config/config.js';
import { AddressList, plainAddress } from './address.js';

export const FORWARDING_WARNING_CODES = ['https_proxy_unknown', 'unusable_address'] as const;

/** A problem with proxies or addresses that the operator should fix. */
export interface ForwardingWarning {
  code: (typeof FORWARDING_WARNING_CODES)[number];
  message: string;
}

const HOST = /^([A-Za-z0-9._-]{1,200}|\[([0-9A-Fa-f:.]{2,45})\])(?::(\d{1,5}))?$/;
const PREFIX = /^(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._~-]+){1,8}$/;
const MAX_PREFIX_LENGTH = 100;
const MAX_PORT = 65_535;

const HTTPS_UNKNOWN =
  'Requests come through a proxy that speaks HTTPS (X-Forwarded-Proto), but neither BASE_URL nor TRUSTED_PROXIES is set: printers are ' +
  'sent addresses that begin with http://. Set BASE_URL to the address that printers reach';

/**
 * Evaluates the headers that proxies add to forwarded requests (X-Forwarded-For, -Proto, -Host, -Prefix). They count only if the peer is
 * one of TRUSTED_PROXIES; anybody else could forge them.
 */
@Injectable()
export class Forwarding {
  private readonly logger = new Logger('Forwarding');
  private readonly trusted: AddressList;
  private readonly trustsAnybody: boolean;
  private readonly given = new Map<ForwardingWarning['code'], ForwardingWarning>();

  constructor(private readonly config: AppConfig) {
    this.trusted = new AddressList(config.trustedProxies);
    this.trustsAnybody = config.trustedProxies.length > 0;
  }

  /** Problems that the operator should fix; empty if none were noticed since the start. */
  get warnings(): ForwardingWarning[] {
    return [...this.given.values()];
  }

  /** True for a socket that a trusted proxy has opened. */
  isTrusted(socket: Socket): boolean {
    return this.trustsAnybody && this.trusted.has(plainAddress(socket.remoteAddress));
  }

  /**
   * Where a request came from: the peer, or behind trusted proxies the address that the outermost of them has seen. Each proxy appends its
   * peer at the right, so addresses are read from there, up to the first that is not a trusted proxy's.
   */
  addressOf({ socket, headers }: IncomingMessage): string {
    let nearest = plainAddress(socket.remoteAddress);
    if (!this.trustsAnybody || !this.trusted.has(nearest)) return nearest;
    for (const entry of listed(headers['x-forwarded-for']).reverse()) {
      const address = addressIn(entry);
      if (address === null) break;
      nearest = address;
      if (!this.trusted.has(address)) break;
    }
    return nearest;
  }

  /**
   * The address at which the sender of this request reaches the server, without a slash at the end.
   *
   * A Host that cannot stand in a URL is not repaired: the address of the socket itself, which the printer did reach, replaces it, and a
   * warning is logged.
   */
  baseUrlOf(request: IncomingMessage): string {
    if (this.config.baseUrl !== null) return this.config.baseUrl;
    const isTrusted = this.isTrusted(request.socket);
    const scheme = isTrusted ? this.forwardedScheme(request) : 'http';
    const forwarded = isTrusted ? last(request.headers['x-forwarded-host']) : undefined;
    const host = forwarded ?? request.headers.host ?? '';
    if (!isHost(host)) return this.ownAddress(request, host);
    return `${scheme}://${host}${isTrusted ? this.forwardedPrefix(request) : ''}`;
  }

  /** Checks whether a request shows that the settings do not match the proxies in front of the server. */
  check({ headers, socket }: IncomingMessage): void {
    const scheme = headers['x-forwarded-proto'];
    if (scheme === undefined || this.config.baseUrl !== null || this.given.has('https_proxy_unknown')) return;
    if (!listed(scheme).some((one) => one.toLowerCase() === 'https') || this.isTrusted(socket)) return;
    this.warn('https_proxy_unknown', HTTPS_UNKNOWN);
  }

  private forwardedScheme({ headers }: IncomingMessage): string {
    const scheme = last(headers['x-forwarded-proto'])?.toLowerCase() ?? 'http';
    if (scheme === 'http' || scheme === 'https') return scheme;
    this.warn(
      'unusable_address',
      `X-Forwarded-Proto ${JSON.stringify(scheme)} is no scheme of a download; http is used`,
    );
    return 'http';
  }

  private forwardedPrefix({ headers }: IncomingMessage): string {
    const prefix = (last(headers['x-forwarded-prefix']) ?? '').replace(/\/+$/, '');
    if (prefix === '' || (prefix.length <= MAX_PREFIX_LENGTH && PREFIX.test(prefix))) return prefix;
    this.warn(
      'unusable_address',
      `X-Forwarded-Prefix ${JSON.stringify(prefix)} cannot stand in a URL; none is used`,
    );
    return '';
  }

  private ownAddress({ socket }: IncomingMessage, host: string): string {
    const address = plainAddress(socket.localAddress).replace(/%.*$/, '');
    const url = `http://${isIPv6(address) ? `[${address}]` : address}:${socket.localPort ?? this.config.port}`;
    this.warn(
      'unusable_address',
      `A printer has connected to the host ${JSON.stringify(host.slice(0, 100))}, which cannot stand in a URL: it is sent ${url}. Set BASE_URL`,
    );
    return url;
  }

  /** Warns once for each code, because thousands of requests will show the same problem. */
  private warn(code: ForwardingWarning['code'], message: string): void {
    if (this.given.has(code)) return;
    this.given.set(code, { code, message });
    this.logger.warn(message);
  }
}

/** True for a host with an optional port that can stand in a URL as it is. Accepts names with `_`, although RFC 952 does not. */
function isHost(text: string): boolean {
  const [, host, ipv6, port] = HOST.exec(text) ?? [];
  if (host === undefined || Number(port ?? 0) > MAX_PORT) return false;
  return ipv6 === undefined ? URL.canParse(`http://${text}`) : isIPv6(ipv6);
}

/** The address in an entry of X-Forwarded-For, which some proxies write with a port; null if it is not an address. */
function addressIn(entry: string): string | null {
  const bare = /^\[(.*)\](?::\d+)?$/.exec(entry)?.[1] ?? /^(\d+(?:\.\d+){3}):\d+$/.exec(entry)?.[1] ?? entry;
  return isIP(bare) === 0 ? null : plainAddress(bare);
}

function listed(header: string | string[] | undefined): string[] {
  const text = Array.isArray(header) ? header.join(',') : (header ?? '');
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

/** The entry of the nearest proxy: the others stand to its left. */
function last(header: string | string[] | undefined): string | undefined {
  return listed(header).at(-1);
}
