import { ConsoleLogger } from '@nestjs/common';
import type { AppConfig } from './config/config.js';

const LEVELS = ['fatal', 'error', 'warn', 'log', 'debug', 'verbose'] as const;
// Half a hundred lines at every start, which say what stands in the code.
const FRAMEWORK_CONTEXTS: ReadonlySet<unknown> = new Set([
  'InstanceLoader',
  'NestApplication',
  'NestFactory',
  'RouterExplorer',
  'RoutesResolver',
]);

/** The log: text for a person at a terminal, one JSON object a line for everything else. */
export class ServerLogger extends ConsoleLogger {
  constructor(config: AppConfig) {
    const json = config.logFormat === 'auto' ? !process.stdout.isTTY : config.logFormat === 'json';
    super({ json, logLevels: LEVELS.slice(0, LEVELS.indexOf(config.logLevel) + 1) });
  }

  override log(message: unknown, ...rest: unknown[]): void {
    if (!FRAMEWORK_CONTEXTS.has(rest.at(-1))) super.log(message, ...rest);
  }
}
