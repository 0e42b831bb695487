import type { Server } from 'node:http';
import type { INestApplicationContext } from '@nestjs/common';
import { WsAdapter } from '@nestjs/platform-ws';
import type { WebSocketServer } from 'ws';

// Milliseconds for a printer to answer a close frame. ws allows 30 s, and a dead printer would keep its socket that long.
const CLOSE_TIMEOUT_MS = 5_000;

/**
 * Nest's adapter for `ws`, without its handshakes and its message handlers. The stock adapter compares whole paths, and drops a socket with
 * another path without an answer; `Handshakes` accepts paths with a parameter instead. Messages do not go through Nest's handlers, because
 * they have no `event` to choose a handler by.
 */
export class PrinterWsAdapter extends WsAdapter {
  /** @param maxFrameBytes largest frame that is accepted */
  constructor(
    app: INestApplicationContext,
    private readonly maxFrameBytes: number,
  ) {
    super(app);
  }

  override create(port: number, options: Parameters<WsAdapter['create']>[1] = {}): WebSocketServer {
    return super.create(port, {
      ...options,
      maxPayload: this.maxFrameBytes,
      // A Latin-1 name must not cost a printer its connection: bytes that are not UTF-8 are read as U+FFFD.
      skipUTF8Validation: true,
      closeTimeout: CLOSE_TIMEOUT_MS,
    }) as WebSocketServer;
  }

  override bindMessageHandlers(): void {
    // The gateway listens on each socket itself.
  }

  override bindClientDisconnect(): void {
    // The gateway listens on each socket itself.
  }

  /** Ignores a broken connection or an invalid frame: it is the printer's fault, not an error of the server. */
  override bindErrorHandler(server: WebSocketServer): WebSocketServer {
    const note = (error: Error): void => this.logger.debug(`A socket failed: ${error.message}`);
    server.on('connection', (socket) => socket.on('error', note));
    server.on('error', (error) => this.logger.error(error));
    return server;
  }

  protected override ensureHttpServerExists(): Server | undefined {
    // The HTTP server exists already, and `Handshakes` listens to its upgrades.
    return undefined;
  }
}
