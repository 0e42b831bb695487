import { Injectable, PayloadTooLargeException } from '@nestjs/common';
import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { catchError, throwError } from 'rxjs';
import type { Observable } from 'rxjs';
import { AppConfig } from '../../config/config.js';

/** Names the limit that an upload has exceeded, and the setting that raises it. Must stand before the interceptor that reads the form. */
@Injectable()
export class UploadErrorsInterceptor implements NestInterceptor {
  constructor(private readonly config: AppConfig) {}

  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(catchError((error: unknown) => throwError(() => this.explain(error))));
  }

  private explain(error: unknown): unknown {
    if (!(error instanceof PayloadTooLargeException)) return error;
    const limit = this.config.maxFirmwareSize;
    // A form text that is too long has an error message of its own.
    if (error.message !== FILE_TOO_LARGE) return error;
    return new PayloadTooLargeException(`${FILE_TOO_LARGE}: at most ${limit} bytes (MAX_FIRMWARE_SIZE)`);
  }
}

// The wording of multer, and of the guide.
const FILE_TOO_LARGE = 'File too large';
