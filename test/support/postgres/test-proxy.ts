import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

/** A network between a server and its PostgreSQL that fails when it is told to. */
export class TestProxy {
  /** Number of messages that were lost so far. */
  lost = 0;
  private readonly sockets = new Set<Socket>();
  private fault: { text: string; isDelivered: boolean } | null = null;

  private constructor(
    private readonly server: Server,
    private readonly target: URL,
  ) {}

  static async start(target: URL): Promise<TestProxy> {
    const server = createServer({ noDelay: true });
    const proxy = new TestProxy(server, target);
    server.on('connection', (socket: Socket) => proxy.pass(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Cuts the connection instead of delivering the next message that contains a text. */
  lose(text: string): void {
    this.fault = { text, isDelivered: false };
  }

  /** Delivers the next message that contains a text, and cuts the connection instead of delivering the answer. */
  loseAnswerTo(text: string): void {
    this.fault = { text, isDelivered: true };
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private pass(client: Socket): void {
    const database = connect(Number(this.target.port), this.target.hostname);
    let isCut = false;
    for (const [socket, other] of [
      [client, database],
      [database, client],
    ] as const) {
      this.sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.sockets.delete(socket);
        other.destroy();
      });
    }
    client.on('data', (bytes) => {
      const { fault } = this;
      if (fault === null || !bytes.includes(fault.text)) {
        database.write(bytes);
        return;
      }
      this.fault = null;
      this.lost += 1;
      isCut = true;
      if (fault.isDelivered) database.write(bytes);
      else client.destroy();
    });
    database.on('data', (bytes) => {
      if (isCut) client.destroy();
      else client.write(bytes);
    });
  }
}
