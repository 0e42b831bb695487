import { randomBytes } from 'node:crypto';

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** What of a frame is not as it should be, or not usual. */
export interface FrameOptions {
  /** False if more of the message follows. */
  fin?: boolean;
  /** The three reserved bits, 0 to 7. */
  reserved?: number;
  masked?: boolean;
  /** The length that it says to have, in eight bytes; absent: the true one. */
  length?: bigint;
}

/** A frame of a WebSocket client, byte for byte (RFC 6455 §5.2). */
export function frame(opcode: number, payload: string | Uint8Array = '', options: FrameOptions = {}): Buffer {
  const { fin = true, reserved = 0, masked = true, length } = options;
  const data = Buffer.from(payload);
  const first = (fin ? 0x80 : 0) | (reserved << 4) | opcode;
  const mask = masked ? 0x80 : 0;
  const head = headOf(first, mask, length ?? data.length);
  if (!masked) return Buffer.concat([head, data]);
  const key = randomBytes(4);
  return Buffer.concat([head, key, data.map((byte, index) => byte ^ key[index % 4]!)]);
}

function headOf(first: number, mask: number, length: number | bigint): Buffer {
  if (typeof length === 'number' && length < 126) return Buffer.from([first, mask | length]);
  if (typeof length === 'number' && length < 65_536)
    return Buffer.from([first, mask | 126, length >> 8, length & 0xff]);
  const head = Buffer.from([first, mask | 127, 0, 0, 0, 0, 0, 0, 0, 0]);
  head.writeBigUInt64BE(BigInt(length), 2);
  return head;
}

/** A message, cut into fragments. */
export function fragments(text: string, size: number, opcode: number = OPCODE.text): Buffer[] {
  const bytes = Buffer.from(text);
  const count = Math.ceil(bytes.length / size);
  return Array.from({ length: count }, (_, index) =>
    frame(index === 0 ? opcode : OPCODE.continuation, bytes.subarray(index * size, (index + 1) * size), {
      fin: index === count - 1,
    }),
  );
}

/** The frames of a server behind its answer to the handshake; they are neither masked nor longer than 64 KiB. */
export function serverFrames(received: Buffer): Array<{ opcode: number; payload: Buffer }> {
  const frames = [];
  let at = received.indexOf('\r\n\r\n') + 4;
  while (at + 2 <= received.length) {
    const short = received[at + 1]! & 0x7f;
    const begin = at + (short === 126 ? 4 : 2);
    if (begin > received.length) break;
    const end = begin + (short === 126 ? received.readUInt16BE(at + 2) : short);
    if (end > received.length) break;
    frames.push({ opcode: received[at]! & 0x0f, payload: received.subarray(begin, end) });
    at = end;
  }
  return frames;
}
