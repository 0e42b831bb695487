import { existsSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import type { LogLevel } from '@nestjs/common';

/** The settings of the server: read and validated once at startup, then never changed. */
export class AppConfig {
  /** Path of the SQLite file; null if the database is PostgreSQL. */
  readonly databasePath: string | null;
  /** Connection URL of PostgreSQL, with its password; null if the database is SQLite. */
  readonly postgresUrl: string | null;
  /** Maximum connections to PostgreSQL for reads; one more writes. */
  readonly databasePoolSize: number;
  /** Address to listen on. */
  readonly host: string;
  /** Port to listen on; 0 takes any free one. */
  readonly port: number;
  /** Origins whose pages may call the API from a browser; `*` for any. */
  readonly corsAllowedOrigins: '*' | readonly string[];
  /** Address at which printers reach this server, without a slash at the end; null: each uses the host that it connected to. */
  readonly baseUrl: string | null;
  /** The path of `baseUrl`, which requests may have as a prefix; empty if it has none. */
  readonly basePath: string;
  /** Largest firmware binary, in bytes. */
  readonly maxFirmwareSize: number;
  /** Folder of the binaries. */
  readonly uploadsDir: string;
  /** Milliseconds without a sign of life after which an update counts as failed. */
  readonly updateTimeoutMs: number;
  /** Milliseconds after its last send within which an update must have ended, or it counts as failed. */
  readonly updateDeadlineMs: number;
  /** Milliseconds between pings to each socket. */
  readonly pingIntervalMs: number;
  /** `keys`: management needs an API key, or local access as long as there is none. `none`: no authentication. */
  readonly auth: (typeof AUTH_MODES)[number];
  /** Milliseconds for which the download URL in an update message stays valid. */
  readonly downloadTokenMs: number;
  /** Milliseconds that a socket may be open without a subscribe. */
  readonly subscribeTimeoutMs: number;
  /** Maximum messages per second from a socket. */
  readonly maxMessagesPerSecond: number;
  /** Maximum open sockets of printers. */
  readonly maxConnections: number;
  /** Maximum open sockets of one address. */
  readonly maxConnectionsPerAddress: number;
  /** Addresses and networks without a limit per address. */
  readonly unlimitedAddresses: readonly string[];
  /** Maximum printers per minute that one address may register, or request to register. */
  readonly maxNewPrintersPerMinute: number;
  /** Addresses and networks of proxies whose X-Forwarded-* headers are trusted. */
  readonly trustedProxies: readonly string[];
  /** Maximum requests per second of one key, or of one address without a key. */
  readonly maxRequestsPerSecond: number;
  /** Maximum invalid keys per minute from one address. */
  readonly maxFailedKeysPerMinute: number;
  /** Maximum milliseconds for a whole request to arrive. */
  readonly requestTimeoutMs: number;
  /** Maximum milliseconds without progress for a request or a response. */
  readonly stalledMs: number;
  /** Maximum bytes buffered for sending to a printer. */
  readonly maxUnreadBytes: number;
  /** Largest frame of a printer, in bytes. */
  readonly maxFrameBytes: number;
  /** Largest JSON body of a request, in bytes. */
  readonly maxBodyBytes: number;
  /** Maximum nesting depth of values in a body or a message. */
  readonly maxJsonDepth: number;
  /** Maximum number of printers, and of users, in the target of a rollout. */
  readonly maxTargetIds: number;
  /** Maximum length of release notes and of a changelog, in characters. */
  readonly maxTextLength: number;
  /** True if a printer must authenticate with a secret. */
  readonly requirePrinterKey: boolean;
  /** `approve`: an operator decides on unknown printers. `closed`: unknown printers are refused. */
  readonly registration: RegistrationMode;
  /** True if virtual printers can be started inside the server (/api/simulator). */
  readonly simulator: boolean;
  readonly logLevel: LogLevel;
  /** `auto` is text on a terminal and JSON elsewhere. */
  readonly logFormat: (typeof LOG_FORMATS)[number];

  /**
   * @param environment the settings as environment variables (`.env.example` lists them all)
   * @throws ConfigError naming the first setting that cannot be used
   */
  constructor(environment: NodeJS.ProcessEnv) {
    const read = new SettingReader(environment);
    const databaseUrl = read.text('DATABASE_URL', 'sqlite:///./paperminder.db');
    this.postgresUrl = postgresUrl(databaseUrl);
    this.databasePath = this.postgresUrl === null ? sqlitePath(databaseUrl) : null;
    this.databasePoolSize = read.integer('DATABASE_POOL_SIZE', 10, 2, 1_000);
    this.host = read.text('HOST', '0.0.0.0');
    this.port = read.integer('PORT', 8000, 0, 65_535);
    this.corsAllowedOrigins = corsOrigins(read.text('CORS_ALLOWED_ORIGINS', '*'));
    this.baseUrl = baseUrl(read.text('BASE_URL', '', 'base_url'));
    this.basePath = this.baseUrl === null ? '' : new URL(this.baseUrl).pathname.replace(/\/+$/, '');
    this.maxFirmwareSize = read.integer(
      'MAX_FIRMWARE_SIZE',
      5 * 1024 * 1024,
      1,
      2 ** 31 - 1,
      'max_firmware_size',
    );
    this.uploadsDir = resolve(read.text('UPLOADS_DIR', './uploads'));
    this.updateTimeoutMs = read.integer('UPDATE_TIMEOUT_MINUTES', 30, 1, 10_080) * 60_000;
    this.updateDeadlineMs = read.integer('UPDATE_DEADLINE_MINUTES', 120, 1, 10_080) * 60_000;
    this.pingIntervalMs = read.integer('PING_INTERVAL_SECONDS', 30, 1, 3_600) * 1_000;
    this.downloadTokenMs = read.integer('DOWNLOAD_TOKEN_MINUTES', 60, 1, 10_080) * 60_000;
    this.subscribeTimeoutMs = read.integer('SUBSCRIBE_TIMEOUT_SECONDS', 10, 1, 3_600) * 1_000;
    this.maxMessagesPerSecond = read.integer('MAX_MESSAGES_PER_SECOND', 500, 1, 1_000_000);
    this.maxConnections = read.integer('MAX_CONNECTIONS', defaultMaxConnections(), 1, 1_000_000);
    this.maxConnectionsPerAddress = read.integer('MAX_CONNECTIONS_PER_ADDRESS', 5_000, 1, 1_000_000);
    this.unlimitedAddresses = addresses(
      'UNLIMITED_ADDRESSES',
      read.text('UNLIMITED_ADDRESSES', '127.0.0.0/8,::1'),
    );
    this.trustedProxies = addresses('TRUSTED_PROXIES', read.text('TRUSTED_PROXIES', 'none'));
    this.maxNewPrintersPerMinute = read.integer('MAX_NEW_PRINTERS_PER_MINUTE', 600, 1, 1_000_000);
    this.maxRequestsPerSecond = read.integer('MAX_REQUESTS_PER_SECOND', 200, 1, 1_000_000);
    this.maxFailedKeysPerMinute = read.integer('MAX_FAILED_KEYS_PER_MINUTE', 30, 1, 1_000_000);
    this.requestTimeoutMs = read.integer('REQUEST_TIMEOUT_SECONDS', 300, 1, 86_400) * 1_000;
    this.stalledMs = read.integer('STALLED_SECONDS', 60, 1, 3_600) * 1_000;
    this.maxUnreadBytes = read.integer('MAX_UNREAD_BYTES', 64 * 1024, 1_024, 2 ** 30);
    this.maxFrameBytes = read.integer('MAX_FRAME_BYTES', 16 * 1024, 1_024, 2 ** 30);
    this.maxBodyBytes = read.integer('MAX_BODY_BYTES', 1024 * 1024, 1_024, 2 ** 29);
    this.maxJsonDepth = read.integer('MAX_JSON_DEPTH', 10, 3, 1_000);
    this.maxTargetIds = read.integer('MAX_TARGET_IDS', 10_000, 1, 1_000_000);
    if (this.maxTargetIds * BYTES_PER_ID > this.maxBodyBytes) {
      const problem = `too many for a body of MAX_BODY_BYTES=${this.maxBodyBytes}, as each takes ${BYTES_PER_ID} bytes`;
      throw new ConfigError('MAX_TARGET_IDS', String(this.maxTargetIds), problem);
    }
    this.maxTextLength = read.integer('MAX_TEXT_LENGTH', 100_000, 1, 10_000_000);
    this.auth = read.oneOf('AUTH', 'keys', AUTH_MODES);
    this.requirePrinterKey = read.oneOf('REQUIRE_PRINTER_KEY', 'false', BOOLEANS) === 'true';
    this.registration = read.oneOf('REGISTRATION', 'open', REGISTRATIONS);
    this.simulator = read.oneOf('SIMULATOR', 'false', BOOLEANS) === 'true';
    this.logLevel = read.oneOf('LOG_LEVEL', 'log', LOG_LEVELS);
    this.logFormat = read.oneOf('LOG_FORMAT', 'auto', LOG_FORMATS);
  }
}

const LOG_LEVELS = ['fatal', 'error', 'warn', 'log', 'debug', 'verbose'] as const satisfies LogLevel[];
const BOOLEANS = ['true', 'false'] as const;
const REGISTRATIONS = ['open', 'approve', 'closed'] as const;
/** What happens to unknown printers. */
export type RegistrationMode = (typeof REGISTRATIONS)[number];
const AUTH_MODES = ['keys', 'none'] as const;
const LOG_FORMATS = ['auto', 'text', 'json'] as const;

/** A setting with an invalid value; the message is one line that names it. */
export class ConfigError extends Error {
  constructor(name: string, value: string, problem: string) {
    super(`${name}=${value}: ${problem}`);
  }
}

// Open files reserved for everything except printers: the database, images, operators, handshakes in progress.
const OTHER_FILES = 1_000;
const WITHOUT_LIMIT = 1_000_000;

/** The process's limit of open files minus a reserve: a server that runs out of files accepts no connection at all. */
function defaultMaxConnections(): number {
  const limits = existsSync('/proc/self/limits') ? readFileSync('/proc/self/limits', 'utf8') : '';
  const files = /^Max open files +(\d+)/m.exec(limits)?.[1];
  return files === undefined ? WITHOUT_LIMIT : Math.max(1, Number(files) - OTHER_FILES);
}

// Bytes of a UUID in JSON: with its quotes and a comma.
const BYTES_PER_ID = 39;

class SettingReader {
  constructor(private readonly environment: NodeJS.ProcessEnv) {}

  /** The value of a setting; an empty one counts as absent. `alias` is the guide's lower-case spelling. */
  text(name: string, fallback: string, alias?: string): string {
    const value = this.lookUp(name);
    const other = alias === undefined ? undefined : this.lookUp(alias);
    if (value !== undefined && other !== undefined && value !== other) {
      throw new ConfigError(name, value, `${alias}=${other} says something else; set only one of the two`);
    }
    return value ?? other ?? fallback;
  }

  private lookUp(name: string): string | undefined {
    const value = this.environment[name];
    return value === '' ? undefined : value;
  }

  integer(name: string, fallback: number, min: number, max: number, alias?: string): number {
    const text = this.text(name, String(fallback), alias);
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw new ConfigError(name, text, `must be a whole number from ${min} to ${max}`);
    }
    return value;
  }

  oneOf<T extends string>(name: string, fallback: T, allowed: readonly T[]): T {
    const text = this.text(name, fallback);
    const found = allowed.find((value) => value === text);
    if (found === undefined) throw new ConfigError(name, text, `must be one of ${allowed.join(', ')}`);
    return found;
  }
}

// SQLAlchemy's spelling, as in the guide: three slashes lead a relative path, four an absolute one.
const SQLITE_URL = /^sqlite:\/\/(?:\/(.*))?$/;

const POSTGRES_URL = /^postgres(?:ql)?:/;

function postgresUrl(url: string): string | null {
  if (!POSTGRES_URL.test(url)) return null;
  // Not the URL itself: it contains the password.
  const refuse = (problem: string): never => {
    throw new ConfigError('DATABASE_URL', 'postgres://...', problem);
  };
  if (!URL.canParse(url)) refuse('must be postgres://user:password@host:5432/name');
  const { pathname, searchParams } = new URL(url);
  if (pathname.length < 2)
    refuse('must name a database after the host: postgres://user:password@host:5432/name');
  for (const name of searchParams.keys())
    if (!POSTGRES_PARAMETERS.includes(name))
      refuse(`has the parameter ${name}, which is not one of ${POSTGRES_PARAMETERS.join(', ')}`);
  return url;
}

const POSTGRES_PARAMETERS = ['sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'host'];

function sqlitePath(url: string): string {
  const match = SQLITE_URL.exec(url);
  if (match === null) {
    throw new ConfigError(
      'DATABASE_URL',
      url,
      'must be sqlite:///relative/path.db, sqlite:////absolute/path.db or postgres://user:password@host:5432/name',
    );
  }
  const path = match[1] ?? '';
  // An in-memory database has one connection and is lost at the end of the process: the server would forget what it sent to printers.
  if (path === '' || path === ':memory:') throw new ConfigError('DATABASE_URL', url, 'must name a file');
  return resolve(path);
}

function listOf(text: string): string[] {
  const entries = text.split(',').map((entry) => entry.trim());
  return entries.filter((entry) => entry !== '');
}

const BITS: Record<number, number> = { 4: 32, 6: 128 };

function addresses(name: string, text: string): string[] {
  if (text === 'none') return [];
  const entries = listOf(text);
  for (const entry of entries) {
    const [address = '', prefix = '0', ...more] = entry.split('/');
    const bits = BITS[isIP(address)] ?? -1;
    if (more.length > 0 || !/^\d{1,3}$/.test(prefix) || Number(prefix) > bits) {
      const problem = `${entry} is neither an address nor a network such as 192.0.2.0/24`;
      throw new ConfigError(name, text, problem);
    }
  }
  return entries;
}

function corsOrigins(text: string): '*' | string[] {
  const origins = listOf(text);
  if (origins.includes('*')) {
    if (origins.length > 1) throw new ConfigError('CORS_ALLOWED_ORIGINS', text, '* must stand alone');
    return '*';
  }
  for (const origin of origins) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin) {
      throw new ConfigError(
        'CORS_ALLOWED_ORIGINS',
        text,
        `${origin} is not an origin such as https://example.org`,
      );
    }
  }
  return origins;
}

// In characters. The address is part of every update message, which must stay below 1 KiB.
const MAX_BASE_URL_LENGTH = 200;

function baseUrl(text: string): string | null {
  if (text === '') return null;
  const problem = 'must be an http or https address such as http://192.168.1.10:8000';
  if (!URL.canParse(text) || text.length > MAX_BASE_URL_LENGTH)
    throw new ConfigError('BASE_URL', text, problem);
  const url = new URL(text);
  if (!/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '') {
    throw new ConfigError('BASE_URL', text, problem);
  }
  return text.replace(/\/+$/, '');
}
