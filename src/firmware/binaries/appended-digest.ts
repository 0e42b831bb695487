import { createHash } from 'node:crypto';

// ESP-IDF, esp_app_format.h: an image begins with a header of 24 bytes. Its first byte is the magic number; its last byte says whether the
// SHA-256 of everything before is appended as the last 32 bytes.
const MAGIC = 0xe9;
const HEADER_BYTES = 24;
const HASH_APPENDED = 23;
const DIGEST_BYTES = 32;

/**
 * Finds the digest that the build tool appended to an image, while the image is read. This is the hash that an ESP32 reports for its
 * running image (`esp_partition_get_sha256`); it differs from the hash of the whole file.
 */
export class AppendedDigest {
  private readonly hash = createHash('sha256');
  private header = Buffer.alloc(0);
  /** The last bytes so far. They may be the digest, so they are not hashed yet. */
  private tail = Buffer.alloc(0);

  /** Adds the next bytes of the image. */
  update(chunk: Buffer): void {
    if (this.header.length < HEADER_BYTES)
      this.header = Buffer.concat([this.header, chunk.subarray(0, HEADER_BYTES - this.header.length)]);
    if (!this.mayHaveOne()) return;
    const bytes = Buffer.concat([this.tail, chunk]);
    const end = Math.max(0, bytes.length - DIGEST_BYTES);
    this.hash.update(bytes.subarray(0, end));
    this.tail = Buffer.from(bytes.subarray(end));
  }

  /** The digest in hexadecimal; null if the image has none, or one that does not match its bytes. Call it once, at the end. */
  digest(): string | null {
    if (this.header.length < HEADER_BYTES || !this.mayHaveOne()) return null;
    const digest = this.hash.digest('hex');
    return digest === this.tail.toString('hex') ? digest : null;
  }

  /** False once the header has said that there is no digest. */
  private mayHaveOne(): boolean {
    if (this.header.length > 0 && this.header[0] !== MAGIC) return false;
    return this.header.length < HEADER_BYTES || this.header[HASH_APPENDED] === 1;
  }
}
