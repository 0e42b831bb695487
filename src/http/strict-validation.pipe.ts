import { Injectable, ValidationPipe } from '@nestjs/common';
import type { ArgumentMetadata } from '@nestjs/common';
import { AppConfig } from '../config/config.js';
import { rejectMalformed } from './server/reject-malformed.js';
import { toValidationError } from '../common/validators.js';

/**
 * Validates input against its DTO, rejects unknown fields, and first of all rejects malformed bodies and queries. A single pipe, because
 * every further pipe costs each parameter of each request a turn of the event loop.
 */
@Injectable()
export class StrictValidationPipe extends ValidationPipe {
  constructor(private readonly config: AppConfig) {
    super({
      whitelist: true,
      forbidNonWhitelisted: true,
      transform: true,
      validationError: { target: false },
      exceptionFactory: toValidationError,
    });
  }

  override transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    if (metadata.type === 'body' || metadata.type === 'query')
      rejectMalformed(value, metadata.type, this.config);
    return super.transform(value, metadata);
  }
}
