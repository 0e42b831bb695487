import { existsSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import type { LogLevel } from '@nestjs/common';

/** The settings of the server: read once at the start, checked, then never changed. */
export class AppConfig {
  /** Path of the SQLite file. */
  readonly databasePath: string;
  /** Address to listen on. */
  readonly host: string;
  /** Port to listen on; 0 takes any free one. */
  readonly port: number;
  /** Origins that a browser may call the API from; `*` for any. */
  readonly corsAllowedOrigins: '*' | readonly string[];
  /** Where printers reach this server, without a slash at the end; null: each at the host that it connected to. */
  readonly baseUrl: string | null;
  /** The path of `baseUrl`, below which requests may come; empty if it has none. */
  readonly basePath: string;
  /** Largest firmware binary, in bytes. */
  readonly maxFirmwareSize: number;
  /** Folder of the binaries. */
  readonly uploadsDir: string;
  /** How long an update may show no sign of life before it counts as failed, in milliseconds. */
  readonly updateTimeoutMs: number;
  /** How long after its last send an update must have ended, in milliseconds; else it counts as failed. */
  readonly updateDeadlineMs: number;
  /** How often each socket is pinged, in milliseconds. */
  readonly pingIntervalMs: number;
  /** `keys`: management needs an API key, or the machine itself as long as there is none. `none`: nothing is asked. */
  readonly auth: (typeof AUTH_MODES)[number];
  /** How long the address in an update message opens its download, in milliseconds. */
  readonly downloadTokenMs: number;
  /** How long a socket may be open without a subscribe, in milliseconds. */
  readonly subscribeTimeoutMs: number;
  /** Messages that a socket may send in a second. */
  readonly maxMessagesPerSecond: number;
  /** Sockets of printers that may be open at once. */
  readonly maxConnections: number;
  /** Sockets that one address may have open at once. */
  readonly maxConnectionsPerAddress: number;
  /** Addresses and networks that are not limited one by one. */
  readonly unlimitedAddresses: readonly string[];
  /** Printers that one address may register, or ask to have registered, in a minute. */
  readonly maxNewPrintersPerMinute: number;
  /** Addresses and networks of proxies whose X-Forwarded-* headers count. */
  readonly trustedProxies: readonly string[];
  /** Requests that one key, or one address without a key, may send in a second. */
  readonly maxRequestsPerSecond: number;
  /** Keys that do not count which one address may send in a minute. */
  readonly maxFailedKeysPerMinute: number;
  /** How long a request may take to arrive as a whole, in milliseconds. */
  readonly requestTimeoutMs: number;
  /** How long a request or an answer may be stuck, in milliseconds. */
  readonly stalledMs: number;
  /** What may wait to be sent to a printer, in bytes. */
  readonly maxUnreadBytes: number;
  /** Largest frame of a printer, in bytes. */
  readonly maxFrameBytes: number;
  /** Largest JSON body of a request, in bytes. */
  readonly maxBodyBytes: number;
  /** How deep the values in a body or a message may be nested. */
  readonly maxJsonDepth: number;
  /** Longest list of printers or of users in the target of a rollout. */
  readonly maxTargetIds: number;
  /** Longest release notes and longest changelog, in characters. */
  readonly maxTextLength: number;
  /** True where a printer must show a secret. */
  readonly requirePrinterKey: boolean;
  /** `approve`: an operator decides on printers that are not known yet. `closed`: they are turned away. */
  readonly registration: (typeof REGISTRATIONS)[number];
  /** True where virtual printers can be switched on inside the server (/api/simulator). */
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
    this.databasePath = databasePath(read.text('DATABASE_URL', 'sqlite:///./paperminder.db'));
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
      const problem = `so many do not fit into a body of MAX_BODY_BYTES=${this.maxBodyBytes}; each takes ${BYTES_PER_ID}`;
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
const AUTH_MODES = ['keys', 'none'] as const;
const LOG_FORMATS = ['auto', 'text', 'json'] as const;

/** A setting that cannot be used; the message is one line that names it. */
export class ConfigError extends Error {
  constructor(name: string, value: string, problem: string) {
    super(`${name}=${value}: ${problem}`);
  }
}

// Open files for everything that is no printer: the database, images, operators, handshakes on their way.
const OTHER_FILES = 1_000;
const WITHOUT_LIMIT = 1_000_000;

/** As many as the process may open files, less some for everything else: a server that runs out of them accepts nobody at all. */
function defaultMaxConnections(): number {
  const limits = existsSync('/proc/self/limits') ? readFileSync('/proc/self/limits', 'utf8') : '';
  const files = /^Max open files +(\d+)/m.exec(limits)?.[1];
  return files === undefined ? WITHOUT_LIMIT : Math.max(1, Number(files) - OTHER_FILES);
}

// A UUID with its quotes and a comma.
const BYTES_PER_ID = 39;

class SettingReader {
  constructor(private readonly environment: NodeJS.ProcessEnv) {}

  /** The value of a setting; one that is empty counts as absent. `alias` is the guide's lower-case spelling. */
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

// SQLAlchemy's spelling, as the guide has it: three slashes lead a relative path, four an absolute one.
const SQLITE_URL = /^sqlite:\/\/(?:\/(.*))?$/;

function databasePath(url: string): string {
  const match = SQLITE_URL.exec(url);
  if (match === null) {
    throw new ConfigError(
      'DATABASE_URL',
      url,
      'must be sqlite:///relative/path.db or sqlite:////absolute/path.db',
    );
  }
  const path = match[1] ?? '';
  // A database in memory has one connection and no tomorrow: what was sent to printers would be forgotten.
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

// Part of every update message, which must stay below 1 KiB.
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
