import type { Request } from 'express';
import type { StorageEngine } from 'multer';
import type { FirmwareStorage, ReceivedBinary } from '../binaries/firmware-storage.js';

/** What multer gives the controller: its own fields, and those of the storage. */
export type UploadedBinary = Express.Multer.File & ReceivedBinary;

/** Lets multer stream a file of a form into the firmware storage. */
export class UploadEngine implements StorageEngine {
  constructor(private readonly storage: FirmwareStorage) {}

  _handleFile(
    _request: Request,
    file: Express.Multer.File,
    done: (error?: unknown, info?: Partial<Express.Multer.File> & ReceivedBinary) => void,
  ): void {
    this.storage.receive(file.stream).then(
      // Multer takes a file with a path for a stored one, and has it removed when the request fails.
      (received) => done(null, { ...received, path: received.temporaryPath }),
      done,
    );
  }

  _removeFile(_request: Request, file: Express.Multer.File, done: (error: Error | null) => void): void {
    this.storage.discard(file as UploadedBinary).then(() => done(null), done);
  }
}
