import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

// Phrases that a native engineer would not write, each with what to write instead.
const PHRASES: ReadonlyArray<[phrase: RegExp, instead: string]> = [
  [/\blest\b/i, 'so that ... not'],
  [/\banew\b/i, 'again'],
  [/\ball the same\b/i, 'nevertheless'],
  [/\b(?:true|false|null|nothing|undefined) where\b/i, 'if'],
  [/\bso many (?:\w+ ){0,3}(?:is|are|may|wait)\b/i, 'a noun phrase such as "Maximum rows per batch."'],
];

// Generated, or the contracts with operators and printers, or this list.
const EXEMPT = /schema\.ts$|docs\/(?:guide|decisions|printer-protocol)\.md$|english\.spec\.ts$/;

function textFiles(): string[] {
  const folders = ['bench', 'console/src', 'docs', 'migrations', 'src', 'test'];
  const files = folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)),
  );
  return [...files, 'README.md', 'CONTRIBUTING.md', 'CHANGELOG.md'].filter(
    (file) => /\.(?:tsx?|md)$/.test(file) && !EXEMPT.test(file),
  );
}

function linesWith(phrase: RegExp): string[] {
  return textFiles().flatMap((file) => {
    const lines = readFileSync(file, 'utf8').split('\n');
    return lines.flatMap((line, index) =>
      phrase.test(line) ? [`${file}:${index + 1}: ${line.trim()}`] : [],
    );
  });
}

describe('Comments, messages and documents', () => {
  it.each(PHRASES)('contain no %s (write: %s)', (phrase) => {
    expect(linesWith(phrase)).toEqual([]);
  });
});
