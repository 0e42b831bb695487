import { randomBytes } from 'node:crypto';

export const OPCODE = { text: 1, close: 8, ping: 9, pong: 10 } as const;

const FIN = 0x80;
const MASKED = 0x80;
// RFC 6455 §5.2: 126 says that the length follows in two bytes.
const LENGTH_IN_TWO_BYTES = 126;

/** A masked frame as a client must send it (RFC 6455 §5.3); not a mask of zeros, which `ws` would not have to undo. */
export function clientFrame(opcode: number, payload: Buffer): Buffer {
  const mask = randomBytes(4);
  const { length } = payload;
  const head =
    length < LENGTH_IN_TWO_BYTES
      ? [FIN | opcode, MASKED | length]
      : [FIN | opcode, MASKED | LENGTH_IN_TWO_BYTES, length >> 8, length & 0xff];
  const body = payload.map((byte, index) => byte ^ (mask[index % 4] ?? 0));
  return Buffer.concat([Buffer.from(head), mask, body]);
}

/** A masked text frame. */
export function textFrame(text: string): Buffer {
  return clientFrame(OPCODE.text, Buffer.from(text));
}

/**
 * Reads the unmasked frames of a server.
 *
 * @returns the offset of the first incomplete frame
 */
export function readFrames(chunk: Buffer, onFrame: (opcode: number, payload: Buffer) => void): number {
  let start = 0;
  while (chunk.length - start >= 2) {
    const short = chunk.readUInt8(start + 1);
    if (short > LENGTH_IN_TWO_BYTES) throw new Error('A frame above 64 KiB, or a masked one');
    const headLength = short === LENGTH_IN_TWO_BYTES ? 4 : 2;
    if (chunk.length - start < headLength) break;
    const length = short === LENGTH_IN_TWO_BYTES ? chunk.readUInt16BE(start + 2) : short;
    const end = start + headLength + length;
    if (chunk.length < end) break;
    onFrame(chunk.readUInt8(start) & 0x0f, chunk.subarray(start + headLength, end));
    start = end;
  }
  return start;
}
