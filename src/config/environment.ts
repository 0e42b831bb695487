import { existsSync, readFileSync } from 'node:fs';
import { parse } from 'dotenv';

/** The process's environment over that of a `.env` file in the working folder, if there is one. */
export function readEnvironment(file = '.env'): NodeJS.ProcessEnv {
  const fromFile = existsSync(file) ? parse(readFileSync(file)) : {};
  return { ...fromFile, ...process.env };
}
