// Serves this face's own description: the document for programs, and the page for people. Both are made when they are
// first asked for, from what is registered, and are open to everybody: they tell nothing about this installation.
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { type Page, sendPage } from '../../pages/layout.ts';
import { sendText } from '../route.ts';
import { openApiDocument } from './openapi-document.ts';
import { declared, type Operation } from './operation.ts';
import { referencePage } from './reference-page.ts';
import type { BookedRoute } from './route-book.ts';

const group = 'This description';

const readDocument: Operation = {
  id: 'readOpenApi',
  group,
  summary: 'Read this description as OpenAPI 3.1',
  isPublic: true,
  answer: {
    status: 200,
    about: 'The OpenAPI document.',
    schema: z.looseObject({ openapi: z.string(), info: z.looseObject({}), paths: z.looseObject({}) }),
  },
};

const readPage: Operation = {
  id: 'readDocs',
  group,
  summary: 'Read this description as a page',
  isPublic: true,
  answer: { status: 200, about: 'The page.', schema: z.string(), mediaType: 'text/html' },
};

export function registerOpenApi(app: FastifyInstance, book: readonly BookedRoute[]): void {
  let json: string | null = null;
  app.get('/openapi.json', declared(readDocument), async (_request, reply) => {
    json ??= JSON.stringify(openApiDocument(book));
    return sendText(reply, json);
  });
  let page: Page | null = null;
  app.get('/docs', declared(readPage), async (_request, reply) => {
    page ??= referencePage(openApiDocument(book));
    return sendPage(reply, page);
  });
}
