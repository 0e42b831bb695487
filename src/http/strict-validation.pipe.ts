import { Injectable, ValidationPipe } from '@nestjs/common';
import type { ArgumentMetadata } from '@nestjs/common';
import { AppConfig } from '../config/config.js';
import { rejectMalformed } from './server/reject-malformed.js';
import { toValidationError } from '../common/validators.js';

/**
 * Validates what comes in against its DTO, unknown fields refused, and first of all refuses foreign bodies and queries. One pipe, for
 * every pipe costs every parameter of every request a turn of its own.
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
