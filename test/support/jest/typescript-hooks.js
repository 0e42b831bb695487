// Node's module hooks for the tests: TypeScript is compiled by swc, once for as long as a file does not change.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { URL, fileURLToPath, pathToFileURL } from 'node:url';
import swc from '@swc/core';
import cache from './transform-cache.cjs';

const OPTIONS = {
  swcrc: false,
  configFile: false,
  jsc: {
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
    target: 'es2022',
  },
  module: { type: 'es6' },
  sourceMaps: true,
};
const TESTS = new URL('../../', import.meta.url).href;
const SELF = readFileSync(fileURLToPath(import.meta.url));
const GLOBALS = [
  'afterAll',
  'afterEach',
  'beforeAll',
  'beforeEach',
  'describe',
  'expect',
  'it',
  'jest',
  'test',
];

mkdirSync(cache.FOLDER, { recursive: true });

/** Imports name what the compiler would write (`./server.js`); `?file=` of a test file passes on to what lies beside it. */
export async function resolve(specifier, context, next) {
  const parent = context.parentURL;
  if (parent === undefined || parent.includes('/node_modules/')) return next(specifier, context);
  const query = /\?file=\d+$/.exec(parent)?.[0] ?? '';
  if (specifier === '@jest/globals')
    return { url: `jest-globals:${query}`, format: 'module', shortCircuit: true };
  if (!specifier.startsWith('.') || !specifier.endsWith('.js') || !/\.ts(?:\?|$)/.test(parent))
    return next(specifier, context);
  const url = new URL(specifier.replace(/js$/, 'ts'), parent).href;
  // Some files are JavaScript already.
  if (!existsSync(fileURLToPath(url))) return next(specifier, context);
  return { url: url.startsWith(TESTS) ? url + query : url, format: 'module', shortCircuit: true };
}

export async function load(url, context, next) {
  if (url.startsWith('jest-globals:'))
    return {
      format: 'module',
      shortCircuit: true,
      source: `export const { ${GLOBALS.join(', ')} } = globalThis[Symbol.for('paperminder.jest-globals')];`,
    };
  const [address] = url.split('?');
  if (!address.startsWith('file:') || !address.endsWith('.ts') || address.includes('/node_modules/'))
    return next(url, context);
  return { format: 'module', shortCircuit: true, source: compile(fileURLToPath(address)) };
}

/** The first line of a compiled file names what it was made from. */
function compile(path) {
  const source = readFileSync(path);
  const mark = `//${createHash('sha256').update(SELF).update(source).digest('hex')}\n`;
  const compiled = cache.compiledPath(path);
  const kept = readIfThere(compiled);
  if (kept?.startsWith(mark)) return kept;
  const { code, map } = swc.transformSync(source.toString(), { ...OPTIONS, filename: path });
  const lines = JSON.parse(map);
  // The mark is one line more.
  write(
    compiled.replace(/js$/, 'map'),
    JSON.stringify({ ...lines, sources: [pathToFileURL(path).href], mappings: `;${lines.mappings}` }),
  );
  write(compiled, mark + code);
  return mark + code;
}

function readIfThere(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw error;
  }
}

/** Another worker that reads it meanwhile gets the old content or the new one. */
function write(path, content) {
  const fresh = `${path}.${process.pid}`;
  writeFileSync(fresh, content);
  renameSync(fresh, path);
}
