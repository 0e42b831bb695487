import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import { TestServer } from './support/server.js';

const run = promisify(execFile);
const PROGRAMS = resolve('node_modules/.bin');

describe('The OpenAPI document, given to generators of clients', () => {
  let folder: string;
  let path: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'paperminder-openapi-'));
    path = join(folder, 'openapi.json');
    const server = await TestServer.start();
    await writeFile(path, JSON.stringify((await server.request('GET', '/openapi.json')).body));
    await server.stop();
  });
  afterAll(() => rm(folder, { recursive: true }));

  /** Runs a program of node_modules; fails with what it has printed. */
  async function tool(name: string, ...args: string[]): Promise<void> {
    await run(join(PROGRAMS, name), args).catch((error: unknown) => {
      const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
      throw new Error(`${name} complains:\n${stdout}${stderr}`);
    });
  }

  it('gives openapi-typescript types that nothing is missing from', async () => {
    const file = join(folder, 'schema.ts');
    await tool('openapi-typescript', path, '--output', file);
    const text = await readFile(file, 'utf8');
    // These two stand for sections that the document does not have.
    const empty = text.split('\n').filter((line) => line.includes('Record<string, never>'));
    expect(empty.filter((line) => !/^export type (?:webhooks|\$defs) = /.test(line))).toEqual([]);
    // What a request may leave out, its type lets it leave out: defaults are the server's.
    const request = /CreateRolloutDto: \{([^]*?)\n {8}\};/.exec(text)?.[1] ?? '';
    expect(request).toMatch(/allow_downgrade\?: boolean/);
    expect(request).toMatch(/firmware_version: string/);
    expect(errorsIn([file])).toEqual([]);
  }, 120_000);

  it('gives openapi-typescript-codegen a client by name, without any', async () => {
    const output = join(folder, 'client');
    await tool('openapi', '--input', path, '--output', output, '--useOptions');
    const names = await readdir(output, { recursive: true });
    const files = names.filter((name) => name.endsWith('.ts')).map((name) => join(output, name));
    const services = files.filter((name) => name.includes('services'));
    const texts = await Promise.all(services.map((name) => readFile(name, 'utf8')));
    const text = texts.join('\n');
    for (const name of ['createRollout', 'listPrinters', 'uploadFirmware', 'whoAmI'])
      expect(text).toContain(`public static ${name}(`);
    const generated = files.filter((name) => /models|services/.test(name));
    for (const name of generated)
      expect([name, await readFile(name, 'utf8')]).toEqual([
        name,
        expect.not.stringMatching(/Record<string, never>|CancelablePromise<any>/),
      ]);
    expect(errorsIn(files)).toEqual([]);
  }, 120_000);
});

/** What the compiler says of files. */
function errorsIn(files: string[]): string[] {
  const options = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: ['node'],
    typeRoots: [resolve('node_modules/@types')],
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2022.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
  };
  return ts
    .getPreEmitDiagnostics(ts.createProgram(files, options))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))
    .filter(
      (message) => !/Cannot find module '(?:axios|form-data|node-fetch|abort-controller)'/.test(message),
    );
}
