import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const TOOL = resolve('tools/build.js');

describe('The build', () => {
  let project: string;

  beforeAll(() => {
    project = mkdtempSync(join(tmpdir(), 'paperminder-build-'));
    for (const folder of ['src', 'migrations', 'console', 'node_modules']) mkdirSync(join(project, folder));
    for (const name of ['typescript', 'vite'])
      symlinkSync(resolve('node_modules', name), join(project, 'node_modules', name));
    const files = {
      'package.json': '{"type": "module"}',
      'tsconfig.build.json':
        '{"compilerOptions": {"module": "nodenext", "rootDir": ".", "lib": ["es5"], "types": [], "skipLibCheck": true, "target": "es2022"}, "include": ["src"]}',
      'src/main.ts': 'export const one = 1;',
      'console/vite.config.ts': 'export default { root: import.meta.dirname };',
      'console/index.html': '<title>Console</title>',
    };
    for (const [name, content] of Object.entries(files)) write(name, content);
  });
  afterAll(() => rmSync(project, { recursive: true, force: true }));

  function write(name: string, content: string): void {
    writeFileSync(join(project, name), content);
  }

  /** Runs the build: its exit code and what it said. */
  function build(...args: string[]): [number | null, string] {
    const { status, stdout, stderr } = spawnSync(process.execPath, [TOOL, ...args], {
      cwd: project,
      encoding: 'utf8',
    });
    return [status, stdout + stderr];
  }

  function built(): { main: string; inode: number } {
    const path = join(project, 'dist/src/main.js');
    return { main: readFileSync(path, 'utf8'), inode: statSync(path).ino };
  }

  it('is made if there is none, and made again only if the content of a source has changed', () => {
    expect(build('--if-changed')).toEqual([0, '']);
    const first = built();
    expect(first.main).toContain('one = 1');
    expect(readFileSync(join(project, 'dist/www/index.html'), 'utf8')).toContain('Console');
    // A checkout that changes nothing but times.
    utimesSync(join(project, 'src/main.ts'), new Date(), new Date());
    expect(build('--if-changed')).toEqual([0, '']);
    expect(built().inode).toBe(first.inode);
    write('src/main.ts', 'export const one = 2;');
    expect(build('--if-changed')).toEqual([0, '']);
    expect(built().main).toContain('one = 2');
    write('console/index.html', '<title>Changed</title>');
    expect(build('--if-changed')).toEqual([0, '']);
    expect(readFileSync(join(project, 'dist/www/index.html'), 'utf8')).toContain('Changed');
  }, 120_000);

  it('is never exchanged under a running server by a program beside it, which says that it is old', () => {
    build('--if-changed');
    const before = built();
    expect(build('--if-missing')).toEqual([0, '']);
    write('src/main.ts', 'export const one = 3;');
    const [status, said] = build('--if-missing');
    expect([status, said]).toEqual([
      0,
      'dist is older than the sources; npm run build brings it up to date\n',
    ]);
    expect(built()).toEqual(before);
    rmSync(join(project, 'dist'), { recursive: true });
    expect(build('--if-missing')).toEqual([0, '']);
    expect(built().main).toContain('one = 3');
  }, 120_000);

  it('that fails leaves the one before, and is tried again', () => {
    build('--if-changed');
    const before = built();
    write('src/main.ts', 'export const one: string = 4;');
    for (let attempt = 1; attempt <= 2; attempt += 1) {
      const [status, said] = build('--if-changed');
      expect([status, said]).toEqual([1, expect.stringContaining('src/main.ts(1,14): error TS2322')]);
      expect(said).not.toContain('node:child_process');
      expect(built()).toEqual(before);
    }
    write('src/main.ts', 'export const one = 4;');
    expect(build('--if-changed')).toEqual([0, '']);
    expect(built().main).toContain('one = 4');
  }, 120_000);

  it('is made once by two that begin at the same time, whoever was killed in one before', async () => {
    const lock = join(project, 'node_modules/.cache/paperminder-build-dist.lock');
    const dead = spawn(process.execPath, ['-e', '']);
    await once(dead, 'exit');
    writeFileSync(lock, String(dead.pid));
    rmSync(join(project, 'dist'), { recursive: true });
    const both = [1, 2].map(() => spawn(process.execPath, [TOOL, '--if-changed'], { cwd: project }));
    const codes = await Promise.all(both.map(async (one) => (await once(one, 'exit'))[0] as unknown));
    expect(codes).toEqual([0, 0]);
    expect(built().main).toContain('one = 4');
  }, 120_000);

  it('comes before every program of the project', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as {
      scripts: Record<string, string>;
    };
    expect(scripts.prestart).toBe('node tools/build.js --if-changed');
    for (const program of ['keys', 'sign', 'simulate', 'backup', 'restore'])
      expect([program, scripts[`pre${program}`]]).toEqual([program, 'node tools/build.js --if-missing']);
  });
});
