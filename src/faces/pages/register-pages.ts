// Serves what all pages load: one stylesheet, under a name that changes with its content. And the way in: who opens the
// bare address that the server printed is looking for a page.
import type { FastifyInstance } from 'fastify';
import { stylesheet, stylesheetPath } from './stylesheet.ts';

export function registerPages(app: FastifyInstance): void {
  app.get('/', async (_request, reply) => reply.redirect('/account', 303));
  app.get(stylesheetPath, async (_request, reply) =>
    reply
      .header('cache-control', 'public, max-age=31536000, immutable')
      .type('text/css; charset=utf-8')
      .send(stylesheet),
  );
}
