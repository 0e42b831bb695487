import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ModulesContainer } from '@nestjs/core';
import type { OpenAPIObject } from '@nestjs/swagger';
import { TestServer } from './support/server.js';

interface Operation {
  summary?: string;
  parameters?: Array<{ name: string; in: string; schema?: object }>;
  requestBody?: { content: Record<string, { schema: object }> };
  responses: Record<
    string,
    { description?: string; content?: Record<string, { schema?: object; example?: unknown }> }
  >;
}

describe('The OpenAPI document', () => {
  let server: TestServer;
  let document: OpenAPIObject;
  let operations: Array<[string, Operation]>;

  beforeAll(async () => {
    server = await TestServer.start();
    document = (await server.request<OpenAPIObject>('GET', '/openapi.json')).body;
    operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods as Record<string, Operation>).map(([method, operation]): [string, Operation] => [
        `${method.toUpperCase()} ${path}`,
        operation,
      ]),
    );
  });
  afterAll(() => server.stop());

  it('has every endpoint', () => {
    expect(operations.map(([name]) => name).sort()).toEqual([
      'DELETE /api/firmware/{version}',
      'DELETE /api/keys/{key_id}',
      'DELETE /api/printers/{printer_id}',
      'DELETE /api/registrations/{printer_id}',
      'DELETE /api/rollouts/{rollout_id}',
      'DELETE /api/signing-keys/{key_id}',
      'DELETE /api/simulator',
      'GET /api/audit',
      'GET /api/events',
      'GET /api/firmware',
      'GET /api/firmware/download/{version}',
      'GET /api/firmware/latest',
      'GET /api/firmware/{version}',
      'GET /api/firmware/{version}/rollback',
      'GET /api/fleet/history',
      'GET /api/keys',
      'GET /api/printers',
      'GET /api/printers/{printer_id}',
      'GET /api/printers/{printer_id}/decision',
      'GET /api/printers/{printer_id}/updates',
      'GET /api/registrations',
      'GET /api/rollouts',
      'GET /api/rollouts/{rollout_id}',
      'GET /api/rollouts/{rollout_id}/failures',
      'GET /api/rollouts/{rollout_id}/timeline',
      'GET /api/rollouts/{rollout_id}/updates',
      'GET /api/signing-keys',
      'GET /api/simulator',
      'GET /api/summary',
      'GET /api/whoami',
      'GET /health/live',
      'GET /health/ready',
      'GET /metrics',
      'PATCH /api/firmware/{version}',
      'PATCH /api/printers/{printer_id}',
      'PATCH /api/registrations/{printer_id}',
      'PATCH /api/rollouts/{rollout_id}',
      'POST /api/firmware/upload',
      'POST /api/firmware/{version}/promote',
      'POST /api/firmware/{version}/rollback',
      'POST /api/firmware/{version}/rollback/preview',
      'POST /api/keys',
      'POST /api/keys/claim',
      'POST /api/printers/{printer_id}/updates/{update_id}/abort',
      'POST /api/printers/{printer_id}/updates/{update_id}/retry',
      'POST /api/rollouts',
      'POST /api/rollouts/preview',
      'POST /api/rollouts/{rollout_id}/preview',
      'POST /api/rollouts/{rollout_id}/retry',
      'POST /api/signing-keys',
      'POST /api/simulator',
    ]);
  });

  it('has as many endpoints as the controllers have handlers', () => {
    const handlers = [...server.get(ModulesContainer).values()]
      .flatMap((module) => [...module.controllers.values()])
      .flatMap(({ metatype }) => {
        const prototype = (metatype as { prototype: Record<string, unknown> }).prototype;
        return Object.getOwnPropertyNames(prototype).filter(
          (name) => name !== 'constructor' && Reflect.hasMetadata('path', prototype[name] as object),
        );
      });
    expect(operations).toHaveLength(handlers.length);
  });

  it('has a summary, a schema for every parameter and body, and every path parameter', () => {
    for (const [name, operation] of operations) {
      expect([name, operation.summary]).toEqual([name, expect.stringMatching(/\w/)]);
      const inPath = [...name.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
      const described = (operation.parameters ?? [])
        .filter((one) => one.in === 'path')
        .map((one) => one.name);
      expect([name, described]).toEqual([name, inPath]);
      for (const parameter of operation.parameters ?? []) {
        expect([name, parameter.name, parameter.schema]).toEqual([name, parameter.name, expect.any(Object)]);
      }
      if (/^(?:POST|PATCH)/.test(name) && !/\/(?:abort|retry)$/.test(name)) {
        expect([name, operation.requestBody]).toEqual([name, expect.any(Object)]);
      }
    }
  });

  it('has a schema for every answer, and an example for every error', () => {
    for (const [name, { responses }] of operations) {
      const statuses = Object.keys(responses);
      expect([name, statuses.some((status) => status.startsWith('2'))]).toEqual([name, true]);
      if (name.includes('/api/')) expect([name, statuses]).toEqual([name, expect.arrayContaining(['400'])]);
      for (const [status, response] of Object.entries(responses)) {
        const where = `${name} ${status}`;
        if (['204', '206', '304'].includes(status)) {
          expect([where, response.description]).toEqual([where, expect.stringMatching(/\w/)]);
          continue;
        }
        const [type, content] = Object.entries(response.content ?? {})[0] ?? [];
        expect([where, content?.schema]).toEqual([where, expect.any(Object)]);
        if (Number(status) >= 400) {
          expect([where, type]).toEqual([where, 'application/problem+json']);
          expect([where, content?.example]).toEqual([
            where,
            expect.objectContaining({
              type: 'about:blank',
              status: Number(status),
              detail: expect.any(String),
            }),
          ]);
        }
      }
    }
  });

  it('has an example or a self-evident type for every field of every schema', () => {
    for (const [schemaName, schema] of Object.entries(document.components?.schemas ?? {})) {
      const properties =
        (schema as { properties?: Record<string, Record<string, unknown>> }).properties ?? {};
      expect([schemaName, Object.keys(properties).length]).toEqual([schemaName, expect.any(Number)]);
      for (const [field, property] of Object.entries(properties)) {
        const described = ['type', '$ref', 'allOf', 'example'].some((key) => key in property);
        expect([schemaName, field, described]).toEqual([schemaName, field, true]);
      }
    }
  });

  it('lets the multipart upload be tried from the page', () => {
    const upload = document.paths['/api/firmware/upload']?.post as unknown as Operation;
    const form = upload.requestBody!.content['multipart/form-data'];
    expect(form?.schema).toEqual({ $ref: '#/components/schemas/UploadFirmwareDto' });
    const schema = document.components!.schemas!.UploadFirmwareDto as {
      properties: Record<string, object>;
      required: string[];
    };
    expect(schema.properties.file).toMatchObject({ type: 'string', format: 'binary' });
    expect(schema.required.sort()).toEqual(['file', 'version']);
  });

  it('has no examples that the explorer would send along unasked', () => {
    for (const [name, operation] of operations) {
      for (const parameter of (operation.parameters ?? []).filter((one) => one.in !== 'path')) {
        expect([name, parameter.name, JSON.stringify(parameter)]).toEqual([
          name,
          parameter.name,
          expect.not.stringContaining('"example"'),
        ]);
      }
    }
  });

  it('names each request as a client would, and its own version and address', () => {
    const ids = Object.values(document.paths).flatMap((methods) =>
      Object.values(methods as Record<string, { operationId: string }>).map((one) => one.operationId),
    );
    expect(new Set(ids).size).toBe(operations.length);
    for (const id of ids) expect(id).toMatch(/^[a-z][A-Za-z]+$/);
    expect(ids).toEqual(expect.arrayContaining(['createRollout', 'listRollouts', 'uploadFirmware']));
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(document.info.version).toBe(version);
    expect(document.servers).toEqual([{ url: '.' }]);
  });

  it('says how a key is sent: two ways, opaque', () => {
    expect(document.components?.securitySchemes).toEqual({
      key: { type: 'http', scheme: 'bearer', description: expect.any(String) },
      keyHeader: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: expect.any(String) },
    });
    expect(document.security).toEqual([{ key: [] }, { keyHeader: [] }]);
  });

  it('fills no field of the explorer with "string", and sends nothing to everybody at one click', () => {
    const bodies = operations.flatMap(([name, { requestBody }]) =>
      Object.values(requestBody?.content ?? {}).map((content) => ({ name, content })),
    );
    expect(bodies.length).toBeGreaterThan(8);
    for (const { name, content } of bodies) {
      const examples = Object.values(
        (content as { examples?: Record<string, { value: unknown }> }).examples ?? {},
      );
      if (examples.length === 0) expect([name, bareTexts(content.schema)]).toEqual([name, []]);
      if (!/ \/api\/rollouts(?:\/preview)?$/.test(name)) continue;
      const [first] = examples as Array<{ value: Record<string, unknown> }>;
      expect([name, first?.value]).toEqual([
        name,
        expect.objectContaining({
          target: { printer_ids: ['00000000-0000-0000-0000-000000000000'] },
          rollout_percentage: 1,
        }),
      ]);
      for (const { value } of examples) expect(value).not.toMatchObject({ target: { all: true } });
    }
  });

  interface Schema {
    $ref?: string;
    type?: string;
    format?: string;
    enum?: unknown[];
    example?: unknown;
    properties?: Record<string, Schema>;
  }

  /** The fields of a schema that a form would show the word "string" in. */
  function bareTexts(schema: Schema): string[] {
    const { $ref } = schema;
    const meant =
      $ref === undefined ? schema : (document.components!.schemas![$ref.split('/').at(-1)!] as Schema);
    return Object.entries(meant.properties ?? {})
      .filter(
        ([, one]) =>
          one.type === 'string' && one.format !== 'binary' && !one.enum && one.example === undefined,
      )
      .map(([field]) => field);
  }

  it('is shown by an explorer that loads nothing from elsewhere', async () => {
    for (const path of ['/docs', '/docs/']) {
      const page = (await server.request<string>('GET', path)).body;
      const sources = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1]!);
      expect(sources.length).toBeGreaterThan(2);
      for (const source of sources) {
        expect(source).not.toMatch(/^(?:https?:)?\/\//);
        const url = new URL(source, server.url + path);
        expect([path, source, (await fetch(url)).status]).toEqual([path, source, 200]);
      }
    }
  });
});
