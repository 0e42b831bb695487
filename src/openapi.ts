import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import type { OpenAPIObject } from '@nestjs/swagger';
import type { Request } from 'express';
import { ACCESS_EXTENSION, isScope } from './http/route-access.js';
import type { RouteAccess } from './http/route-access.js';
import type { Scope } from './http/scopes.js';
import { problem } from './http/problem.dto.js';
import type { AppConfig } from './config/config.js';
import { operationId } from './operation-ids.js';
import { VERSION } from './version.js';
import type { INestApplication } from '@nestjs/common';

type OperationObject = NonNullable<OpenAPIObject['paths'][string]['get']>;
type ResponseObject = Exclude<OperationObject['responses'][string], undefined>;

const DESCRIPTION = `
Firmware updates for PaperMinder printers: upload a build, roll it out, watch it, roll it back.

Printers connect to the WebSocket \`/ws/{user_id}\`; its messages are described in docs/printer-protocol.md of the
repository. Every error is an RFC 9457 problem; unknown fields and query parameters are refused. Times are UTC.
`;

/** The OpenAPI document of an application. */
export function openApiDocument(app: INestApplication, { baseUrl }: AppConfig): OpenAPIObject {
  const builder = new DocumentBuilder()
    .setTitle('PaperMinder Server')
    .setDescription(DESCRIPTION)
    .setVersion(VERSION)
    // A relative URL is resolved against the address of the document.
    .addServer(baseUrl ?? '.')
    .setLicense('MIT', 'https://opensource.org/license/mit')
    .addTag('firmware', 'Builds, their channels and their binaries')
    .addTag('rollouts', 'Who gets which version, and when')
    .addTag('printers', 'Who is out there, and what each was sent')
    .addTag('fleet', 'All printers at a glance, and what changes meanwhile')
    .addTag('health', 'For supervisors and load balancers')
    .addTag('audit', 'Who changed what')
    .addTag('keys', 'Who may manage the server')
    .addTag('signing keys', 'Whose signature firmware needs')
    .addTag('metrics', 'For Prometheus')
    .addTag('simulator', 'Virtual printers inside the server, to try it out')
    // Not `addBearerAuth`, which calls every token a JWT: a key is opaque.
    .addSecurity('key', { type: 'http', scheme: 'bearer', description: 'An API key (`pmk_...`)' })
    .addSecurity('keyHeader', {
      type: 'apiKey',
      in: 'header',
      name: 'X-API-Key',
      description: 'The same key, for clients that cannot send `Authorization`',
    })
    .addSecurityRequirements('key')
    .addSecurityRequirements('keyHeader');
  const options = { operationIdFactory: operationId };
  return withDefaultsInWords(withAccess(SwaggerModule.createDocument(app, builder.build(), options)));
}

/**
 * Moves the defaults of fields into their descriptions: generators treat a field with a default as always present, even in requests, in
 * which a default exists so that the field can be left out.
 */
function withDefaultsInWords(document: OpenAPIObject): OpenAPIObject {
  for (const schema of Object.values(document.components?.schemas ?? {})) {
    if ('$ref' in schema) continue;
    for (const property of Object.values(schema.properties ?? {})) {
      if ('$ref' in property || property.default === undefined) continue;
      const { description } = property;
      const value = JSON.stringify(property.default);
      property.description = `${description === undefined ? '' : `${description}. `}Default: ${value}`;
      delete property.default;
    }
  }
  return document;
}

/** Documents the responses of every management endpoint to requests without a valid key. */
function withAccess(document: OpenAPIObject): OpenAPIObject {
  for (const item of Object.values(document.paths)) {
    for (const operation of [item.get, item.post, item.patch, item.delete]) {
      if (operation === undefined) continue;
      const access = accessOf(operation);
      if (access === 'download') operation.security = [{}, { key: [] }, { keyHeader: [] }];
      if (access === 'open' || access === 'claim') operation.security = [];
      if (access === 'open') continue;
      operation.responses['401'] ??= answer('No API key that counts', 401, 'This needs an API key');
      // A download accepts a key of any scope, and is not rate-limited.
      if (access === 'download') continue;
      operation.responses['403'] ??= answer(
        'The key lacks the scope',
        403,
        'This needs a key with the scope admin',
      );
      operation.responses['429'] ??= {
        ...answer('Too many requests', 429, 'Too many requests: at most 200 a second'),
        headers: { 'Retry-After': { description: 'In seconds', schema: { type: 'integer', example: 1 } } },
      };
    }
  }
  return document;
}

/** Removes the access declaration from an operation; a scope stays, under a name for readers of the document. */
function accessOf(operation: OperationObject): RouteAccess {
  const declaring = operation as { [ACCESS_EXTENSION]?: RouteAccess; 'x-required-scope'?: Scope };
  const access = declaring[ACCESS_EXTENSION] ?? 'admin';
  declaring[ACCESS_EXTENSION] = undefined;
  if (isScope(access)) declaring['x-required-scope'] = access;
  return access;
}

function answer(description: string, status: number, detail: string): ResponseObject {
  return {
    description,
    content: {
      'application/problem+json': {
        schema: { $ref: '#/components/schemas/Problem' },
        example: problem(status, detail),
      },
    },
  };
}

/** Serves the explorer at /docs and the document at /openapi.json. */
export function setUpOpenApi(app: INestApplication, config: AppConfig): void {
  SwaggerModule.setup('docs', app, () => openApiDocument(app, config), {
    jsonDocumentUrl: 'openapi.json',
    raw: ['json'],
    customSiteTitle: 'PaperMinder Server',
    swaggerOptions: { tryItOutEnabled: true, displayRequestDuration: true },
    // The page may be open at another address than BASE_URL, and its policy only allows requests to its own origin.
    patchDocumentOnRequest: (request, _response, document) => forPage(request as Request, document),
  });
}

function forPage({ path }: Request, document: OpenAPIObject): OpenAPIObject {
  return path === '/openapi.json' ? document : { ...document, servers: [{ url: '.' }] };
}
