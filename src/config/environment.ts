import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parse } from 'dotenv';

/** The settings file exists but cannot be read. */
export class UnreadableSettingsError extends Error {}

/**
 * The process's environment, merged over a `.env` file in the working folder if there is one.
 *
 * @throws UnreadableSettingsError
 */
export function readEnvironment(file = '.env'): NodeJS.ProcessEnv {
  return { ...readSettings(file), ...process.env };
}

function readSettings(file: string): Record<string, string> {
  if (!existsSync(file)) return {};
  try {
    return parse(readFileSync(file));
  } catch (error) {
    throw new UnreadableSettingsError(`${resolve(file)} cannot be read: ${(error as Error).message}`);
  }
}
