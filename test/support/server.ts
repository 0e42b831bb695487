import 'reflect-metadata';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LoggerService } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Test } from '@nestjs/testing';
import { AppModule } from '../../src/app.module.js';
import { APP_OPTIONS, listen, setUpApp } from '../../src/app.setup.js';
import { Clock } from '../../src/common/clock.js';
import { AppConfig } from '../../src/config/config.js';
import { CONSOLE_FOLDER } from '../../src/console/console-files.js';
import { GatedExpressAdapter } from '../../src/http/server/gated-express-adapter.js';
import type { VirtualPrinter } from '../../src/simulator/virtual-printer.js';
import { createTestDatabase, fileDatabase } from './test-database.js';
import type { TestDatabase } from './test-database.js';
import { TestClock } from './test-clock.js';

/** An answer of the server, its body parsed. */
export interface Answer<T> {
  status: number;
  headers: Headers;
  body: T;
}

/** A server that can be asked, wherever it runs. */
export interface Reachable {
  /** Printers that it stops before it stops itself; absent: a test stops its printers. */
  readonly printers?: VirtualPrinter[];
  /** Where it listens, e.g. `http://127.0.0.1:40001`. */
  readonly url: string;
  /** Sends a request; an object as the body goes as JSON, a form as multipart. */
  request<T = Record<string, unknown>>(
    method: string,
    path: string,
    body?: object | FormData,
    headers?: Record<string, string>,
  ): Promise<Answer<T>>;
}

/** The real server in this process: real HTTP and WebSockets on a free port, a real database in a folder of its own. */
export class TestServer implements Reachable {
  readonly clock = new TestClock();
  readonly printers: VirtualPrinter[] = [];
  private app: NestExpressApplication | null = null;

  private constructor(
    readonly folder: string,
    private readonly settings: Record<string, string>,
    private readonly logger: LoggerService | false,
    private readonly consoleFolder: string,
    private readonly database: TestDatabase,
  ) {}

  /** Starts a server on an empty database; without a console, unless it is told where one is. */
  static async start(
    settings: Record<string, string> = {},
    logger: LoggerService | false = false,
    consoleFolder?: string,
  ): Promise<TestServer> {
    const folder = await mkdtemp(join(tmpdir(), 'paperminder-'));
    const console = consoleFolder ?? join(folder, 'no-console');
    const server = new TestServer(folder, settings, logger, console, await createTestDatabase(folder));
    await server.boot();
    return server;
  }

  /** Starts a server on what a folder holds, such as a restored backup. */
  static async startIn(
    folder: string,
    database = fileDatabase(join(folder, 'paperminder.db')),
  ): Promise<TestServer> {
    const server = new TestServer(folder, {}, false, join(folder, 'no-console'), database);
    await server.boot();
    return server;
  }

  /** Where it listens, e.g. `http://127.0.0.1:40001`. */
  get url(): string {
    const { port } = this.running.getHttpServer().address() as AddressInfo;
    return `http://127.0.0.1:${port}`;
  }

  /** The DATABASE_URL of its database. */
  get databaseUrl(): string {
    return this.database.url;
  }

  /** Runs a statement as somebody else who has the database open. */
  runOutside(text: string): Promise<void> {
    return this.database.run(text);
  }

  get uploads(): string {
    return join(this.folder, 'uploads');
  }

  /** What lies in the uploads folder, without the server's lock. */
  async uploaded(): Promise<string[]> {
    const names = await readdir(this.uploads);
    return names.filter((name) => !name.startsWith('.'));
  }

  /** A provider of the running application. */
  get<T>(type: abstract new (...args: never[]) => T): T {
    return this.running.get<T>(type);
  }

  /** Stops the server and starts it again on the same database and the same port. */
  async restart(whileDown: () => Promise<void> | void = () => undefined): Promise<void> {
    const { port } = new URL(this.url);
    await this.halt();
    await whileDown();
    await this.boot(port);
  }

  /** Stops the server, and keeps what it has written. */
  async halt(): Promise<void> {
    await this.app?.close();
    this.app = null;
  }

  /** Stops its printers and the server, and removes what it has written. */
  async stop(): Promise<void> {
    await this.stopPrinters();
    await this.halt();
    await this.database.remove();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Stops every printer that a test has made for this server. */
  async stopPrinters(): Promise<void> {
    await Promise.all(this.printers.splice(0).map((one) => one.stop()));
  }

  /** Sends a request; an object as the body goes as JSON, a form as multipart. */
  async request<T = Record<string, unknown>>(
    method: string,
    path: string,
    body?: object | FormData,
    headers: Record<string, string> = {},
  ): Promise<Answer<T>> {
    return request(this.url, method, path, body, headers);
  }

  private get running(): NestExpressApplication {
    if (!this.app) throw new Error('The server is not running');
    return this.app;
  }

  private async boot(port = '0'): Promise<void> {
    const config = new AppConfig({
      DATABASE_URL: this.database.url,
      UPLOADS_DIR: this.uploads,
      HOST: '127.0.0.1',
      ...this.settings,
    });
    const module = await Test.createTestingModule({ imports: [AppModule.with(config)] })
      .overrideProvider(Clock)
      .useValue(this.clock)
      .overrideProvider(CONSOLE_FOLDER)
      .useValue(this.consoleFolder)
      .compile();
    const adapter = new GatedExpressAdapter();
    const app = module.createNestApplication<NestExpressApplication>(adapter, {
      ...APP_OPTIONS,
      logger: this.logger,
    });
    setUpApp(app, adapter, config);
    await listen(app, Number(port), config.host);
    this.app = app;
  }
}

/** Sends a request to a server, and parses the answer. */
export async function request<T>(
  url: string,
  method: string,
  path: string,
  body?: object | FormData,
  headers: Record<string, string> = {},
): Promise<Answer<T>> {
  const json = body !== undefined && !(body instanceof FormData);
  const response = await fetch(url + path, {
    method,
    headers: { ...(json ? { 'content-type': 'application/json' } : {}), ...headers },
    body: json ? JSON.stringify(body) : (body ?? null),
    redirect: 'manual',
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') ?? false;
  return {
    status: response.status,
    headers: response.headers,
    body: (isJson ? JSON.parse(text) : text) as T,
  };
}
