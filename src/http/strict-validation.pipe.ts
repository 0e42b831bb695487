import { Injectable, ValidationPipe } from '@nestjs/common';
import type { ArgumentMetadata, PipeTransform } from '@nestjs/common';
import { AppConfig } from '../config/config.js';
import { rejectMalformed } from './server/reject-malformed.js';
import { toValidationError } from '../common/validators.js';

/**
 * Validates input against its DTO, rejects unknown fields, and first of all rejects malformed bodies and queries. A single pipe, because
 * every further pipe costs each parameter of each request a turn of the event loop.
 */
@Injectable()
export class StrictValidationPipe implements PipeTransform {
  private readonly fields = strict('field');
  private readonly query = strict('query parameter');

  constructor(private readonly config: AppConfig) {}

  transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    if (metadata.type === 'body' || metadata.type === 'query')
      rejectMalformed(value, metadata.type, this.config);
    return (metadata.type === 'query' ? this.query : this.fields).transform(value, metadata);
  }
}

function strict(kind: 'field' | 'query parameter'): ValidationPipe {
  return new ValidationPipe({
    whitelist: true,
    forbidNonWhitelisted: true,
    transform: true,
    validationError: { target: false },
    exceptionFactory: (findings) => toValidationError(findings, kind),
  });
}
