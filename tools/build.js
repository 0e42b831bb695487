// Builds the server and the console: node tools/build.js [--if-changed | --if-missing] [--unchecked] [--out FOLDER]
//
// --if-changed  does nothing if the sources are those that the build there was made from (npm start)
// --if-missing  does nothing if there is a build, but says so if it is older (programs beside a running server, whose files they
//               must not exchange)
// --unchecked   leaves the types unchecked, which makes the same files in half the time (tests; `npm run typecheck` checks them)
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    'if-changed': { type: 'boolean' },
    'if-missing': { type: 'boolean' },
    unchecked: { type: 'boolean' },
    out: { type: 'string', default: 'dist' },
  },
});
const out = resolve(options.out);
const stamp = join(out, '.built-from');
const SOURCES = [
  ...['src', 'migrations', 'console'],
  ...['package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json'],
];

/** SHA-256 over names and contents: a checkout changes the times of files, and a restore sets them back. */
function fingerprint() {
  const hash = createHash('sha256');
  for (const source of SOURCES) {
    if (!existsSync(source)) continue;
    const files = statSync(source).isFile()
      ? [source]
      : readdirSync(source, { recursive: true, encoding: 'utf8' }).map((name) => join(source, name));
    for (const file of files.sort()) {
      // Editors' and systems' own files.
      if (basename(file).startsWith('.') || !statSync(file).isFile()) continue;
      hash.update(`${file}\0`).update(createHash('sha256').update(readFileSync(file)).digest());
    }
  }
  return hash.digest('hex');
}

/** What the build that is there was made from; null if there is none, or it was not finished. */
function builtFrom() {
  return existsSync(stamp) ? readFileSync(stamp, 'utf8') : null;
}

function isUpToDate(sources) {
  const built = builtFrom();
  if (options['if-changed']) return built === sources;
  if (!options['if-missing'] || built === null) return false;
  if (built !== sources)
    process.stderr.write(`${options.out} is older than the sources; npm run build brings it up to date\n`);
  return true;
}

/** The build appears whole: whoever starts a program from it meanwhile gets the old one or the new one. */
function build(sources) {
  const [fresh, old] = [`${out}.new`, `${out}.old`];
  rmSync(fresh, { recursive: true, force: true });
  const run = (script, ...args) =>
    execFileSync(process.execPath, [join('node_modules', script), ...args], { stdio: ['ignore', 2, 2] });
  const unchecked = options.unchecked ? ['--noCheck'] : [];
  run('typescript/bin/tsc', '-p', 'tsconfig.build.json', '--outDir', fresh, ...unchecked);
  const www = ['--outDir', join(fresh, 'www'), '--emptyOutDir', '--logLevel', 'warn'];
  run('vite/bin/vite.js', 'build', '--config', 'console/vite.config.ts', ...www);
  writeFileSync(join(fresh, '.built-from'), sources);
  rmSync(old, { recursive: true, force: true });
  if (existsSync(out)) renameSync(out, old);
  renameSync(fresh, out);
  rmSync(old, { recursive: true, force: true });
}

const lock = resolve('node_modules/.cache', `paperminder-build-${basename(out)}.lock`);

/** Whoever comes second waits, and then finds the build done. */
async function takeLock() {
  mkdirSync(resolve('node_modules/.cache'), { recursive: true });
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (isAbandoned()) rmSync(lock, { force: true });
    else await sleep(100);
  }
}

function isAbandoned() {
  try {
    process.kill(Number(readFileSync(lock, 'utf8')), 0);
    return false;
  } catch (error) {
    // Another user's process is one, too; and the lock may have been given back meanwhile.
    return error.code === 'ESRCH';
  }
}

if (!isUpToDate(fingerprint())) {
  await takeLock();
  try {
    const sources = fingerprint();
    if (!isUpToDate(sources)) build(sources);
  } catch (error) {
    // The compiler has said what is wrong.
    if (error.status === undefined) throw error;
    process.exitCode = 1;
  } finally {
    rmSync(lock, { force: true });
  }
}
