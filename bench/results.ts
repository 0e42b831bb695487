import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import type { Figure } from './figure.js';
import { isRecord } from './ipc.js';
import type { Series } from './scenario.js';

/** What one scenario has found out, when, and by which command. */
export interface Result {
  scenario: string;
  title: string;
  at: string;
  command: string;
  machine: string;
  figures: Figure[];
  series: Series[];
}

const FILE = 'results.json';

/** Folder of the plots and the raw results, below that of the report. */
export const RESULTS_FOLDER = 'performance';

/** The results of earlier runs: `--only` and `--soak` bring a part of the report up to date. */
export function readResults(out: string): Result[] {
  let text: string;
  try {
    text = readFileSync(join(out, RESULTS_FOLDER, FILE), 'utf8');
  } catch {
    return [];
  }
  const value: unknown = JSON.parse(text);
  return Array.isArray(value) ? value.filter(isResult) : [];
}

/** Writes results for the next run to read. */
export async function writeResults(out: string, results: readonly Result[]): Promise<void> {
  mkdirSync(join(out, RESULTS_FOLDER), { recursive: true });
  await writeFormatted(join(out, RESULTS_FOLDER, FILE), JSON.stringify(results));
}

/** Writes a file as the repository's formatter has it: reports are committed, and checked like every other file. */
export async function writeFormatted(file: string, text: string): Promise<void> {
  const style = await resolveConfig(import.meta.filename);
  writeFileSync(file, await format(text, { ...style, filepath: file }));
}

function isResult(value: unknown): value is Result {
  return isRecord(value) && Array.isArray(value.figures) && Array.isArray(value.series);
}
