import { createHash } from 'node:crypto';

// ESP-IDF, esp_app_format.h: an image begins with a header of 24 bytes. Its first byte is the magic number, its last one says whether
// the SHA-256 of everything before it is appended as the last 32 bytes.
const MAGIC = 0xe9;
const HEADER_BYTES = 24;
const HASH_APPENDED = 23;
const DIGEST_BYTES = 32;

/**
 * Finds, while an image is read, the digest that its build appended: what an ESP32 says of its running image
 * (`esp_partition_get_sha256`), unlike the hash of the whole file.
 */
export class AppendedDigest {
  private readonly hash = createHash('sha256');
  private header = Buffer.alloc(0);
  /** The last bytes so far: they may be the digest, so they are not hashed yet. */
  private tail = Buffer.alloc(0);

  /** Takes in the next bytes of the image. */
  update(chunk: Buffer): void {
    if (this.header.length < HEADER_BYTES)
      this.header = Buffer.concat([this.header, chunk.subarray(0, HEADER_BYTES - this.header.length)]);
    if (!this.mayHaveOne()) return;
    const bytes = Buffer.concat([this.tail, chunk]);
    const end = Math.max(0, bytes.length - DIGEST_BYTES);
    this.hash.update(bytes.subarray(0, end));
    this.tail = Buffer.from(bytes.subarray(end));
  }

  /** The digest in hexadecimal; null if the image has none, or another one than its bytes have. To be called once, at the end. */
  digest(): string | null {
    if (this.header.length < HEADER_BYTES || !this.mayHaveOne()) return null;
    const digest = this.hash.digest('hex');
    return digest === this.tail.toString('hex') ? digest : null;
  }

  /** False once the header has said that there is none. */
  private mayHaveOne(): boolean {
    if (this.header.length > 0 && this.header[0] !== MAGIC) return false;
    return this.header.length < HEADER_BYTES || this.header[HASH_APPENDED] === 1;
  }
}
