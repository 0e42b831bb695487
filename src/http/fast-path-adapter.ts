import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import { StreamableFile } from '@nestjs/common';
import type { NestApplicationOptions } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import type { Response } from 'express';

/** Answers a request, or leaves it alone and says so with false. */
export type FastPath = (request: IncomingMessage, response: ServerResponse) => boolean;

/**
 * Express, and in front of it one path for requests that come by the thousand and need nothing of what Express and Nest do. What the
 * fast path leaves alone, Express answers as ever: it must answer alike.
 */
export class FastPathAdapter extends ExpressAdapter {
  private fastPath: FastPath = () => false;
  private readonly stopListeners: Array<() => void> = [];
  private readonly lastRoutes: Array<() => void> = [];

  setFastPath(fastPath: FastPath): void {
    this.fastPath = fastPath;
  }

  /** Calls back when the server begins to stop, before it stops to accept. */
  onStop(listener: () => void): void {
    this.stopListeners.push(listener);
  }

  /** Calls back when all the controllers' routes are in place: what is added then is tried last, and costs the others nothing. */
  afterRoutes(add: () => void): void {
    this.lastRoutes.push(add);
  }

  override setNotFoundHandler(...handler: Parameters<ExpressAdapter['setNotFoundHandler']>): void {
    for (const add of this.lastRoutes) add();
    super.setNotFoundHandler(...handler);
  }

  /**
   * As Express answers an object, without what it works out anew each time: the content type is always the same one, and there is
   * no ETag to compare.
   */
  override reply(response: Response, body: unknown, statusCode?: number): void {
    if (!isPlain(body) || response.hasHeader('Content-Type')) {
      super.reply(response, body, statusCode);
      return;
    }
    if (statusCode !== undefined) response.statusCode = statusCode;
    const text = JSON.stringify(body);
    response.setHeader('Content-Type', 'application/json; charset=utf-8');
    response.setHeader('Content-Length', Buffer.byteLength(text));
    response.end(text);
  }

  /** Takes no new connection any more; those that are open stay, and answer their last request. */
  stopAccepting(): void {
    const server: Server = this.getHttpServer();
    if (!server.listening) return;
    for (const listener of this.stopListeners) listener();
    server.close();
    server.closeIdleConnections();
  }

  override initHttpServer(options: NestApplicationOptions): void {
    super.initHttpServer(options);
    const server: Server = this.getHttpServer();
    const express: RequestListener = this.getInstance();
    server.removeAllListeners('request');
    server.on('request', (request, response) => {
      if (!this.fastPath(request, response)) express(request, response);
    });
  }
}

function isPlain(body: unknown): boolean {
  return (
    typeof body === 'object' && body !== null && !(body instanceof StreamableFile) && !(body instanceof Error)
  );
}
