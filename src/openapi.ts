import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import type { OpenAPIObject } from '@nestjs/swagger';
import type { INestApplication } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';

const DESCRIPTION = `
Firmware updates for PaperMinder printers: upload a build, roll it out, watch it, roll it back.

Printers connect to the WebSocket \`/ws/{user_id}\`; its messages are described in docs/printer-protocol.md of the
repository. Every error is an RFC 9457 problem; unknown fields and query parameters are refused. Times are UTC.
`;

/** The OpenAPI document of a running application. */
export function openApiDocument(app: INestApplication): OpenAPIObject {
  const builder = new DocumentBuilder()
    .setTitle('PaperMinder Server')
    .setDescription(DESCRIPTION)
    .setVersion('1')
    .setLicense('MIT', 'https://opensource.org/license/mit')
    .addTag('firmware', 'Builds, their channels and their binaries')
    .addTag('rollouts', 'Who gets which version, and when')
    .addTag('printers', 'Who is out there, and what each was sent')
    .addTag('health', 'For supervisors and load balancers')
    .addTag('metrics', 'For Prometheus');
  return SwaggerModule.createDocument(app, builder.build());
}

/** Serves the explorer at /docs and the document at /openapi.json. */
export function setUpOpenApi(app: INestApplication): void {
  // The page's own links are relative to /docs: behind a slash they lead nowhere.
  app.use('/docs', (request: Request, response: Response, next: NextFunction) => {
    if (request.originalUrl === '/docs/') response.redirect(301, '/docs');
    else next();
  });
  SwaggerModule.setup('docs', app, () => openApiDocument(app), {
    jsonDocumentUrl: 'openapi.json',
    raw: ['json'],
    customSiteTitle: 'PaperMinder Server',
    swaggerOptions: { tryItOutEnabled: true, displayRequestDuration: true },
  });
}
