import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Injectable, Logger } from '@nestjs/common';
import type { OnModuleDestroy } from '@nestjs/common';
import { FirmwareRows } from '../firmware-rows.js';
import type { Firmware } from '../firmware.entity.js';
import { CAN_READ_SEND_QUEUES, connectionOf, readSendQueues } from './send-queues.js';

// Milliseconds between samples; the limits are counted in minutes.
const SAMPLE_EVERY_MS = 10_000;
// Granularity of progress on systems that do not report how much has arrived.
const PIECE_BYTES = 256 * 1024;

/** A download by a printer. */
interface Download {
  row: Firmware;
  printerId: number;
  /** Null once the server has sent everything; the kernel may still hold most of the image. */
  socket: Socket | null;
  connection: string;
  /** Values of the last sample: bytes that the socket has passed to the kernel, and bytes that the printer has not acknowledged. */
  handed: number;
  queued: number | undefined;
}

/** Watches the bytes of printers' downloads: while they flow, they are a sign of life. A stalled client gives none. */
@Injectable()
export class DownloadProgress implements OnModuleDestroy {
  private readonly logger = new Logger(DownloadProgress.name);
  private readonly downloads = new Set<Download>();
  private timer: NodeJS.Timeout | undefined;
  /** All downloads come to the one port of the server, so the system is asked once. */
  private port: number | undefined;

  constructor(private readonly firmware: FirmwareRows) {}

  /** Starts watching a response. */
  watch(row: Firmware, printerId: number, response: ServerResponse): void {
    const { socket } = response.req;
    const download: Download = {
      row,
      printerId,
      socket,
      connection: connectionOf(socket, (this.port ??= socket.localPort ?? 0)),
      handed: handedOver(socket),
      queued: undefined,
    };
    this.downloads.add(download);
    // Without the socket, so that thousands of short downloads do not keep theirs until the next sample.
    response.once('close', () => {
      download.handed = handedOver(socket);
      download.socket = null;
    });
    this.timer ??= setInterval(() => void this.sample(), SAMPLE_EVERY_MS).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
    this.downloads.clear();
  }

  /** Checks which downloads have progressed since the last sample, and reports those as signs of life. */
  async sample(): Promise<void> {
    const queues = await readSendQueues();
    const moved = [...this.downloads].filter((download) =>
      this.look(download, queues.get(download.connection)),
    );
    if (this.downloads.size === 0) {
      clearInterval(this.timer);
      this.timer = undefined;
    }
    try {
      await Promise.all(moved.map(({ row, printerId }) => this.firmware.downloadProgressed(row, printerId)));
    } catch (error) {
      this.logger.error(`Signs of life of downloads could not be recorded: ${String(error)}`);
    }
  }

  /** True if bytes have moved since the last sample. */
  private look(download: Download, queued: number | undefined): boolean {
    const { socket } = download;
    // Nothing is in flight any more: the image has arrived, or the client is gone. The end itself is no sign of life.
    if (socket === null && !queued) {
      this.downloads.delete(download);
      return false;
    }
    const handed = socket === null ? download.handed : handedOver(socket);
    const moved = handed !== download.handed || queued !== download.queued;
    download.handed = handed;
    download.queued = queued;
    return moved;
  }
}

function handedOver(socket: Socket): number {
  return socket.bytesWritten - socket.writableLength;
}

/**
 * Writes an image and ends the response. If the kernel tells how much of it has arrived, it is written at once: a turn of the event loop for
 * each piece would cost more than all else (bench/README.md). If not, it is written in pieces as the client reads them, so that progress is
 * visible.
 */
export function writeImage(response: ServerResponse, image: Buffer): void {
  if (CAN_READ_SEND_QUEUES) {
    response.end(image);
    return;
  }
  let start = 0;
  const next = (): void => {
    while (start + PIECE_BYTES < image.length) {
      const piece = image.subarray(start, start + PIECE_BYTES);
      start += PIECE_BYTES;
      if (response.write(piece)) continue;
      response.once('drain', next);
      return;
    }
    response.end(image.subarray(start));
  };
  next();
}
