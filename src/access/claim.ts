import { randomBytes, timingSafeEqual } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { Injectable, Logger } from '@nestjs/common';
import type { OnApplicationBootstrap } from '@nestjs/common';
import { ConflictError, ForbiddenError } from '../common/errors.js';
import { AppConfig } from '../config/config.js';
import { dataFiles } from '../config/data-files.js';
import { Database } from '../database/database.js';
import type { ApiKey } from './api-key.entity.js';
import { ApiKeys } from './api-keys.js';
import type { NewApiKey } from './api-keys.js';
import { isLoopback } from './local-request.js';

/**
 * Creates the first key. Until a server is claimed, whoever uses its machine may manage it; a claim creates its first admin key, and closes
 * it to everybody without a key.
 */
@Injectable()
export class Claim implements OnApplicationBootstrap {
  private readonly logger = new Logger('Access');
  private readonly path: string;

  constructor(
    private readonly config: AppConfig,
    private readonly keys: ApiKeys,
    private readonly database: Database,
  ) {
    this.path = dataFiles(config).claimToken;
  }

  /** Logs at every start how the server can be accessed without a key, if it can. */
  async onApplicationBootstrap(): Promise<void> {
    if (this.config.auth === 'none') {
      this.logger.warn('AUTH=none: anyone who can reach this port can upload firmware and roll it out');
      return;
    }
    if (await this.keys.isClaimed()) {
      this.removeToken();
      return;
    }
    const token = this.token();
    if (isLoopback(this.config.host)) return;
    this.logger.warn('This server has not been claimed: only requests from this machine can manage it');
    this.logger.warn(
      `To manage it from elsewhere, create the first key here: npm run keys -- create --admin NAME`,
    );
    this.logger.warn(
      `Or claim it with the token in ${this.path}: POST ${this.config.baseUrl ?? ''}/api/keys/claim` +
        (process.stdout.isTTY ? ` {"token":"${token}","name":"NAME"}` : ''),
    );
  }

  /** Creates a key, whichever way the server was managed until now. The first one replaces the claim token. */
  async createKey(wanted: NewApiKey): Promise<{ key: string; row: ApiKey }> {
    const made = await this.keys.create(wanted);
    this.removeToken();
    return made;
  }

  /**
   * Claims the server with its one-time token.
   *
   * @returns the first admin key
   * @throws ConflictError if the server is claimed already
   * @throws ForbiddenError if the token is wrong
   */
  async claim(token: string, name: string): Promise<{ key: string; row: ApiKey }> {
    const made = await this.database.write(async (tx) => {
      if ((await tx.sql.first('SELECT 1 FROM api_key LIMIT 1')) !== undefined)
        throw new ConflictError('This server has been claimed already');
      if (!this.matches(token))
        throw new ForbiddenError(`The token is not the one in the file ${basename(this.path)}`);
      return this.keys.createIn(tx, { name, scopes: ['admin'], expiresAt: null });
    });
    this.removeToken();
    return made;
  }

  private removeToken(): void {
    rmSync(this.path, { force: true });
  }

  private matches(token: string): boolean {
    const expected = Buffer.from(this.token());
    const given = Buffer.from(token);
    return given.length === expected.length && timingSafeEqual(given, expected);
  }

  private token(): string {
    if (existsSync(this.path)) return readFileSync(this.path, 'utf8').trim();
    const token = randomBytes(24).toString('base64url');
    writeFileSync(this.path, `${token}\n`, { mode: 0o600 });
    return token;
  }
}
