import { createServer, request } from 'node:http';
import type { IncomingMessage, OutgoingHttpHeaders, Server } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';

/** What a proxy does to requests. */
export interface ProxyOptions {
  /** The path that it serves the server below, e.g. `/paperminder`; empty for none. */
  path?: string;
  /** True if it takes that path off before it forwards. */
  strips?: boolean;
  /** The port that it listens on; any free one if absent. */
  port?: number;
  /** Headers that it sets, given who its client is. */
  headers?: (client: IncomingMessage) => Record<string, string>;
}

/** A reverse proxy on this machine, as small as one can be: HTTP and WebSockets. */
export class Proxy {
  private constructor(
    private readonly server: Server,
    private readonly path: string,
  ) {}

  static async start(target: string, options: ProxyOptions = {}): Promise<Proxy> {
    const { path = '', strips = false } = options;
    const { hostname, port } = new URL(target);
    const targetOf = ({ url = '/' }: IncomingMessage): string =>
      strips && url.startsWith(path) ? url.slice(path.length) || '/' : url;
    const headersOf = (client: IncomingMessage): OutgoingHttpHeaders => ({
      ...client.headers,
      ...options.headers?.(client),
    });
    const server = createServer((client, response) => {
      const { method } = client;
      const forwarded = request(
        { hostname, port, method, path: targetOf(client), headers: headersOf(client) },
        (answer) => {
          response.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(response);
        },
      );
      forwarded.on('error', () => response.destroy());
      response.on('close', () => forwarded.destroy());
      client.pipe(forwarded);
    });
    server.on('upgrade', (client: IncomingMessage, socket, head: Buffer) => {
      const upstream = connect(Number(port), hostname);
      const lines = Object.entries(headersOf(client)).map(([name, value]) => `${name}: ${String(value)}\r\n`);
      upstream.write(`GET ${targetOf(client)} HTTP/1.1\r\n${lines.join('')}\r\n`);
      upstream.write(head);
      socket.pipe(upstream).pipe(socket);
      for (const one of [socket, upstream])
        one.on('error', () => {
          socket.destroy();
          upstream.destroy();
        });
    });
    await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
    return new Proxy(server, path);
  }

  /** Where clients reach the server through it, without a slash at the end. */
  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}${this.path}`;
  }

  stop(): Promise<void> {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }
}

/** The headers that docs/OPERATION.md tells nginx to set, for a client at an address. */
export function forwardedFor(
  address: string,
  scheme = 'https',
): (client: IncomingMessage) => Record<string, string> {
  return ({ headers }) => ({
    'x-forwarded-for': [headers['x-forwarded-for'], address].filter(Boolean).join(', '),
    'x-forwarded-proto': scheme,
    'x-forwarded-host': headers.host ?? '',
  });
}
