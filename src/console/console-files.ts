import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { Inject, Injectable } from '@nestjs/common';

/** Injection token for the folder of the built console. */
export const CONSOLE_FOLDER = Symbol('CONSOLE_FOLDER');

// Beside dist/src, which contains this file. A server started from its sources has no console.
const HERE = dirname(fileURLToPath(import.meta.url));
/** The folder into which `npm run build` puts the console. */
export const BUILT_CONSOLE = join(HERE, '../../www');

/** Compressions that a file may have, the best first. */
export const ENCODINGS = ['br', 'gzip'] as const;
export type Encoding = (typeof ENCODINGS)[number];

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.json': 'application/json; charset=utf-8',
  '.ico': 'image/x-icon',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
};
const ALREADY_COMPRESSED: ReadonlySet<string> = new Set(['.png', '.woff2']);

// The highest quality takes a Raspberry Pi several seconds, and saves only a few per cent.
const BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } };
const compress: Record<Encoding, (bytes: Buffer) => Promise<Buffer>> = {
  br: (bytes) => promisify(brotliCompress)(bytes, BROTLI),
  gzip: (bytes) => promisify(gzip)(bytes),
};

// Maximum depth of a page's path, more than any page has; each depth is a page in memory.
const MAX_DEPTH = 8;
const RELATIVE_LINK = /\b(src|href)="\.\//g;

/** One file of the console, in memory. */
export class ConsoleFile {
  /** SHA-256 of the uncompressed bytes. */
  readonly hash: string;
  readonly type: string;
  /** False if compression would gain nothing. */
  readonly compressible: boolean;
  private readonly compressed = new Map<Encoding, Promise<Buffer>>();

  constructor(
    name: string,
    readonly bytes: Buffer,
  ) {
    const extension = extname(name);
    this.hash = createHash('sha256').update(bytes).digest('base64url');
    this.type = TYPES[extension] ?? 'application/octet-stream';
    this.compressible = !ALREADY_COMPRESSED.has(extension);
  }

  /** The bytes to send. Compressed once, at the first request, because most servers never get one. */
  encoded(encoding: Encoding | null): Promise<Buffer> {
    if (encoding === null) return Promise.resolve(this.bytes);
    let bytes = this.compressed.get(encoding);
    if (bytes === undefined) {
      bytes = compress[encoding](this.bytes);
      this.compressed.set(encoding, bytes);
    }
    return bytes;
  }
}

/** The files of the built console. All of them are read at startup, so no request reads from disk. */
@Injectable()
export class ConsoleFiles {
  private readonly files = new Map<string, ConsoleFile>();
  private readonly pages = new Map<number, ConsoleFile>();

  constructor(@Inject(CONSOLE_FOLDER) folder: string) {
    if (!existsSync(join(folder, 'index.html'))) return;
    for (const subfolder of ['', 'assets/']) this.read(folder, subfolder);
  }

  /**
   * The page that serves every path of the console. Its links are relative, which only the browser resolves, so they work for the path of
   * the request, whatever prefix a proxy adds. Null if the console has not been built, or if no page can have the path.
   */
  pageAt(path: string): ConsoleFile | null {
    const depth = path.split('/').length - 2;
    const index = this.files.get('/index.html');
    if (index === undefined || depth < 0 || depth > MAX_DEPTH) return null;
    let page = this.pages.get(depth);
    if (page === undefined) {
      const html = index.bytes.toString('utf8').replace(RELATIVE_LINK, `$1="${'../'.repeat(depth) || './'}`);
      page = new ConsoleFile('index.html', Buffer.from(html));
      this.pages.set(depth, page);
    }
    return page;
  }

  /** True if the console has been built. */
  get isBuilt(): boolean {
    return this.files.has('/index.html');
  }

  /** The file with this path, e.g. `/assets/index-B7x1.js`; null if there is none. */
  find(path: string): ConsoleFile | null {
    return this.files.get(path) ?? null;
  }

  private read(folder: string, subfolder: string): void {
    const path = join(folder, subfolder);
    if (!existsSync(path)) return;
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const bytes = readFileSync(join(path, entry.name));
      this.files.set(`/${subfolder}${entry.name}`, new ConsoleFile(entry.name, bytes));
    }
  }
}
