import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import type { Writable } from 'node:stream';
import { ValidationError } from '../../common/errors.js';

const END_OF_HEADERS = '\r\n\r\n';
// Maximum bytes that the parser accepts as the headers of one part.
const MAX_HEADER_BYTES = 81_920;

/**
 * Feeds a multipart form to its parser, and fails it with the name of the first part whose name or text is not UTF-8. The parser itself
 * replaces such bytes with U+FFFD, so a different text than was sent would be stored.
 *
 * @param maxTextBytes maximum bytes that the parser accepts as one text
 */
export function feedUtf8Form(request: IncomingMessage, parser: Writable, maxTextBytes: number): void {
  const [, quoted, plain] = /;\s*boundary=(?:"([^"]+)"|([^\s;]+))/i.exec(request.headers['content-type'] ?? '') ?? [];
  const boundary = quoted ?? plain;
  if (boundary !== undefined) {
    const texts = new FormTexts(boundary, maxTextBytes, (name) => {
      request.off('data', look);
      parser.emit('error', ValidationError.field(name, null, `${name} must be UTF-8`));
    });
    const look = (chunk: Buffer): void => texts.read(chunk);
    // Registered before the parser's listener, so that an error stops the form in time.
    request.on('data', look);
  }
  request.pipe(parser);
}

/** Reads the texts of a multipart form (RFC 7578) as bytes, and reports those that are not UTF-8; skips files. */
class FormTexts {
  private readonly delimiter: Buffer;
  /** Bytes that are not processed yet; the first delimiter stands at the very beginning. */
  private rest = Buffer.from('\r\n');
  private inHeaders = false;
  /** The text that is being read; null in a file, and before the first part. */
  private text: { name: string; pieces: Buffer[]; size: number } | null = null;

  constructor(
    boundary: string,
    private readonly maxTextBytes: number,
    private readonly refuse: (name: string) => void,
  ) {
    this.delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1');
  }

  read(chunk: Buffer): void {
    this.rest = Buffer.concat([this.rest, chunk]);
    while (this.inHeaders ? this.readHeaders() : this.readBody());
  }

  /** @returns false if more bytes are needed */
  private readHeaders(): boolean {
    const end = this.rest.indexOf(END_OF_HEADERS);
    if (end === -1) {
      // The end of the form, or not a form.
      if (this.rest.length > MAX_HEADER_BYTES) this.rest = this.rest.subarray(-END_OF_HEADERS.length);
      return false;
    }
    const headers = this.rest.subarray(0, end);
    this.rest = this.rest.subarray(end + END_OF_HEADERS.length);
    this.inHeaders = false;
    const text = headers.toString('latin1');
    const name = /[;\s]name="?([^";\r\n]*)/i.exec(text)?.[1] ?? '';
    const isFile = /[;\s]filename\*?=/i.test(text);
    if (!isUtf8(headers)) this.refuse(isFile ? name : 'body');
    // A part may declare its own charset (RFC 7578 §5.1.2); the parser decodes it.
    this.text = isFile || /charset=/i.test(text) ? null : { name, pieces: [], size: 0 };
    return true;
  }

  /** @returns false if more bytes are needed */
  private readBody(): boolean {
    const end = this.rest.indexOf(this.delimiter);
    // A delimiter may have begun in the last bytes.
    const known = end === -1 ? Math.max(0, this.rest.length - this.delimiter.length + 1) : end;
    this.collect(this.rest.subarray(0, known));
    this.rest = this.rest.subarray(end === -1 ? known : end + this.delimiter.length);
    if (end === -1) return false;
    if (this.text && !isUtf8(Buffer.concat(this.text.pieces))) this.refuse(this.text.name);
    this.text = null;
    this.inHeaders = true;
    return true;
  }

  private collect(piece: Buffer): void {
    if (this.text === null) return;
    this.text.size += piece.length;
    if (this.text.size > this.maxTextBytes) this.text = null;
    else this.text.pieces.push(piece);
  }
}
