// The description is whole, right by OpenAPI's own schema, and about exactly the routes that are there. The routes are
// counted from outside, by the framework.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Validator } from '@seriousme/openapi-schema-validator';
import { beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { createOpenApiJudge } from '../../../../testing/openapi-judge.ts';
import { silentLog } from '../../../kernel/log.ts';
import { createHttpServer } from '../../http/server.ts';
import { registerJsonApi } from '../register.ts';
import type { Rooms } from '../rooms.ts';
import { createSchemaBook } from './json-schema.ts';
import { type OpenApiDocument, type OpenApiOperation, openApiDocument } from './openapi-document.ts';
import type { Operation } from './operation.ts';
import { referencePage } from './reference-page.ts';
import { type BookedRoute, bookRoutes } from './route-book.ts';

const registered: string[] = [];
let document: OpenApiDocument;
let operations: readonly (readonly [where: string, operation: OpenApiOperation])[];
beforeAll(async () => {
  const app = createHttpServer({ log: silentLog, trustedHops: 0, tls: null, isHttps: false });
  app.addHook('onRoute', ({ method, url }) => {
    registered.push(...[method].flat().map((one) => `${one} ${url.replace(/:([a-zA-Z]+)/g, '{$1}')}`));
  });
  // Nothing is asked of the rooms before a request that has to do with them comes.
  await registerJsonApi(app, {} as Rooms);
  await app.ready();
  document = (await app.inject('/v2/openapi.json')).json();
  operations = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(
      ([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as const,
    ),
  );
  await app.close();
});

test('every registered route is declared, and nothing else is', () => {
  const routes = registered.filter((route) => !route.startsWith('HEAD '));
  expect(routes.length).toBeGreaterThan(15);
  expect(operations.map(([where]) => where).toSorted()).toEqual(routes.toSorted());
});

test('every declaration of this face belongs to a registered route', async () => {
  const face = join(import.meta.dirname, '..');
  const files = (await readdir(face, { recursive: true })).filter((name) => name.endsWith('-operations.ts'));
  expect(files.length).toBeGreaterThan(8);
  const ids: string[] = [];
  for (const file of files) {
    const groups: Record<string, unknown> = await import(join(face, file));
    for (const [name, group] of Object.entries(groups)) {
      if (!name.endsWith('Operations')) continue;
      ids.push(...Object.values(group as Record<string, Operation>).map((operation) => operation.id));
    }
  }
  const described = operations.map(([, operation]) => operation.operationId);
  expect(ids.filter((id) => !described.includes(id))).toEqual([]);
});

test('a route without a declaration is noticed', async () => {
  const app = createHttpServer({ log: silentLog, trustedHops: 0, tls: null, isHttps: false });
  const book: BookedRoute[] = [];
  bookRoutes(app, book);
  app.get('/v2/forgotten/:id', async () => ({}));
  await app.ready();
  expect(book).toEqual([{ method: 'GET', path: '/v2/forgotten/:id', operation: null }]);
  expect(openApiDocument(book).paths).toEqual({});
  await app.close();
});

test('the document is valid by the schema of OpenAPI 3.1', async () => {
  const validator = new Validator();
  const result = await validator.validate({ ...structuredClone(document) });
  expect(result.errors ?? []).toEqual([]);
  expect(result.valid).toBe(true);
  expect(validator.version).toBe('3.1');
  const broken = structuredClone(document) as unknown as {
    paths: Record<string, { get: { responses: unknown } }>;
  };
  const one = broken.paths['/v2/contracts'];
  if (one === undefined) throw new Error('no contracts');
  one.get.responses = 7;
  expect((await new Validator().validate(broken)).valid).toBe(false);
});

test('ids of operations and descriptions of path parameters are there, once each', () => {
  const ids = operations.map(([, operation]) => operation.operationId);
  expect(new Set(ids).size).toBe(ids.length);
  for (const [where, operation] of operations) {
    const named = [...where.matchAll(/\{([^}]+)\}/g)].map(([, name]) => name);
    const given = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
    expect(
      given.map((parameter) => parameter.name),
      where,
    ).toEqual(named);
    for (const { name, description } of operation.parameters ?? []) {
      expect(description.length, `${where} ${name}`).toBeGreaterThan(5);
    }
  }
});

test('every example is valid by the schema beside it, and every JSON answer of success has one', () => {
  const judge = createOpenApiJudge(document);
  let count = 0;
  for (const [where, operation] of operations) {
    const { requestBody, responses, operationId } = operation;
    if (requestBody !== undefined) {
      const { example } = requestBody.content['application/json'] ?? {};
      expect(judge.judgeBody(operationId, example), where).toEqual([]);
      count += 1;
    }
    for (const [status, { content = {} }] of Object.entries(responses)) {
      const { example } = content['application/json'] ?? {};
      if (Number(status) >= 400 || content['application/json'] === undefined) continue;
      if (operationId === 'readOpenApi') continue;
      const url = where.replace(/^[A-Z]+ /, '').replace(/\{[^}]+\}/g, 'x');
      const method = where.split(' ')[0] ?? '';
      const exchange = {
        method,
        url,
        status: Number(status),
        contentType: 'application/json',
        body: example,
      };
      expect(judge.judge(exchange), `${where} ${status}`).toEqual([]);
      count += 1;
    }
  }
  expect(count).toBeGreaterThan(15);
});

test('two schemas of one name are refused rather than mixed', () => {
  const book = createSchemaBook();
  book.add(z.strictObject({ a: z.string() }).meta({ id: 'Twin' }), 'input');
  expect(() => book.add(z.strictObject({ b: z.string() }).meta({ id: 'Twin' }), 'input')).toThrow('Twin');
});

test('the page tells every operation, leads only to anchors that are there, and runs no script', () => {
  const text = referencePage(document).body.toString();
  for (const [where, operation] of operations) {
    expect(text, where).toContain(`id="${operation.operationId}"`);
    expect(text, where).toContain(`href="#${operation.operationId}"`);
    for (const parameter of operation.parameters ?? [])
      expect(text).toContain(`<code>${parameter.name}</code>`);
  }
  const anchors = [...text.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
  const targets = new Set([...text.matchAll(/ href="#([^"]+)"/g)].map(([, id]) => id));
  expect(new Set(anchors).size).toBe(anchors.length);
  expect([...targets].filter((target) => !anchors.includes(target))).toEqual([]);
  expect(text).not.toMatch(/<script|<style| style=| on[a-z]+=/i);
});
