import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'dotenv';
import { AppConfig, ConfigError } from '../src/config/config.js';

describe('The settings', () => {
  it('have the defaults of the guide', () => {
    expect(new AppConfig({})).toEqual({
      databasePath: resolve('paperminder.db'),
      postgresUrl: null,
      databasePoolSize: 10,
      downloadTokenMs: 3_600_000,
      host: '0.0.0.0',
      port: 8000,
      corsAllowedOrigins: '*',
      baseUrl: null,
      basePath: '',
      trustedProxies: [],
      maxFirmwareSize: 5_242_880,
      uploadsDir: resolve('uploads'),
      updateDeadlineMs: 7_200_000,
      updateTimeoutMs: 1_800_000,
      pingIntervalMs: 30_000,
      subscribeTimeoutMs: 10_000,
      maxMessagesPerSecond: 500,
      maxConnections: expect.any(Number),
      maxConnectionsPerAddress: 5_000,
      unlimitedAddresses: ['127.0.0.0/8', '::1'],
      maxNewPrintersPerMinute: 600,
      maxRequestsPerSecond: 200,
      maxFailedKeysPerMinute: 30,
      requestTimeoutMs: 300_000,
      stalledMs: 60_000,
      maxUnreadBytes: 65_536,
      maxFrameBytes: 16_384,
      maxBodyBytes: 1_048_576,
      maxJsonDepth: 10,
      maxTargetIds: 10_000,
      maxTextLength: 100_000,
      auth: 'keys',
      requirePrinterKey: false,
      registration: 'open',
      simulator: false,
      logLevel: 'log',
      logFormat: 'auto',
    });
  });

  it('are read as the guide writes them, comment and all', () => {
    const guide = parse(
      [
        'DATABASE_URL=sqlite:///./paperminder.db',
        'CORS_ALLOWED_ORIGINS=*',
        'base_url=http://localhost:8000',
        'max_firmware_size=5242880  # 5MB in bytes',
      ].join('\n'),
    );
    expect(new AppConfig(guide)).toEqual(new AppConfig({ BASE_URL: 'http://localhost:8000' }));
  });

  it('have an example file that names every one of them, with its default', () => {
    const text = readFileSync('.env.example', 'utf8');
    const example = parse(text.replace(/^#\s*(?=[A-Z_]+=)/gm, ''));
    const source = readFileSync('src/config/config.ts', 'utf8');
    const names = [...source.matchAll(/read\.\w+\(\s*'([A-Z_]+)'/g)].map((match) => match[1]);
    expect(Object.keys(example).sort()).toEqual(names.sort());
    expect(new AppConfig(example)).toEqual(new AppConfig({}));
  });

  it.each([
    ['sqlite:///./a.db', resolve('a.db')],
    ['sqlite:///data/a.db', resolve('data/a.db')],
    ['sqlite:////var/lib/a.db', '/var/lib/a.db'],
  ])('DATABASE_URL=%s is the file %s', (url, path) => {
    expect(new AppConfig({ DATABASE_URL: url }).databasePath).toBe(path);
  });

  it.each([
    'postgres://me:secret@db.example:5432/fleet',
    'postgresql://db.example/fleet?sslmode=verify-full',
  ])('DATABASE_URL=%s is a database in PostgreSQL', (url) => {
    expect(new AppConfig({ DATABASE_URL: url })).toMatchObject({ postgresUrl: url, databasePath: null });
  });

  it.each([
    ['postgres://me:secret@db.example', 'must name a database'],
    ['postgres://me:secret@db.example:port/fleet', 'must be postgres://user:password@host:5432/name'],
    ['postgres://me:secret@db.example/fleet?ssl=yes', 'has the parameter ssl, which is not one of sslmode'],
  ])('DATABASE_URL=%s is refused without its password: %s', (url, problem) => {
    const refused = (): unknown => new AppConfig({ DATABASE_URL: url });
    expect(refused).toThrow(`DATABASE_URL=postgres://...: ${problem}`);
    expect(refused).not.toThrow('secret');
  });

  it('CORS_ALLOWED_ORIGINS is a list with commas', () => {
    const config = new AppConfig({ CORS_ALLOWED_ORIGINS: 'https://a.example, http://b.example:8080' });
    expect(config.corsAllowedOrigins).toEqual(['https://a.example', 'http://b.example:8080']);
  });

  it.each([
    ['SIMULATOR', 'yes'],
    ['DATABASE_URL', 'mysql://localhost/x'],
    ['DATABASE_URL', 'paperminder.db'],
    ['DATABASE_URL', 'sqlite://'],
    ['DATABASE_URL', 'sqlite:///:memory:'],
    ['PORT', 'http'],
    ['PORT', '65536'],
    ['PORT', '-1'],
    ['PORT', '8000.5'],
    ['CORS_ALLOWED_ORIGINS', 'example.org'],
    ['CORS_ALLOWED_ORIGINS', 'https://a.example/path'],
    ['CORS_ALLOWED_ORIGINS', '*,https://a.example'],
    ['BASE_URL', 'localhost:8000'],
    ['BASE_URL', 'ftp://example.org'],
    ['BASE_URL', `http://${'a'.repeat(200)}`],
    ['MAX_FIRMWARE_SIZE', '5MB'],
    ['MAX_FIRMWARE_SIZE', '0'],
    ['UPDATE_TIMEOUT_MINUTES', '0'],
    ['UPDATE_DEADLINE_MINUTES', '0'],
    ['PING_INTERVAL_SECONDS', 'often'],
    ['SUBSCRIBE_TIMEOUT_SECONDS', '0'],
    ['MAX_MESSAGES_PER_SECOND', '0'],
    ['MAX_CONNECTIONS', '0'],
    ['MAX_CONNECTIONS_PER_ADDRESS', '0'],
    ['UNLIMITED_ADDRESSES', 'localhost'],
    ['TRUSTED_PROXIES', 'proxy.example'],
    ['TRUSTED_PROXIES', '10.0.0.0/8,10.0.0.0/33'],
    ['UNLIMITED_ADDRESSES', '10.0.0.0/33'],
    ['UNLIMITED_ADDRESSES', '::1/64/1'],
    ['MAX_REQUESTS_PER_SECOND', '0'],
    ['MAX_FAILED_KEYS_PER_MINUTE', '-1'],
    ['REQUEST_TIMEOUT_SECONDS', '0'],
    ['STALLED_SECONDS', '1m'],
    ['MAX_UNREAD_BYTES', '10'],
    ['MAX_FRAME_BYTES', '0'],
    ['MAX_BODY_BYTES', '1MB'],
    ['MAX_JSON_DEPTH', '2'],
    ['MAX_TARGET_IDS', '30000'],
    ['MAX_TEXT_LENGTH', '0'],
    ['AUTH', 'basic'],
    ['REQUIRE_PRINTER_KEY', 'yes'],
    ['REGISTRATION', 'maybe'],
    ['SIMULATOR', 'yes'],
    ['LOG_LEVEL', 'loud'],
    ['LOG_FORMAT', 'xml'],
  ])('%s=%s is refused with one line that names it', (name, value) => {
    expect(() => new AppConfig({ [name]: value })).toThrow(ConfigError);
    try {
      new AppConfig({ [name]: value });
    } catch (error) {
      expect((error as Error).message).toMatch(new RegExp(`^${name}=`));
      expect((error as Error).message).not.toContain('\n');
    }
  });

  it('that contradict each other are refused', () => {
    expect(() => new AppConfig({ BASE_URL: 'http://a.example', base_url: 'http://b.example' })).toThrow(
      ConfigError,
    );
  });
});
