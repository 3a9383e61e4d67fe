// Serves what all pages load: one stylesheet, under a name that changes with its content.
import type { FastifyInstance } from 'fastify';
import { stylesheet, stylesheetPath } from './stylesheet.ts';

export function registerPages(app: FastifyInstance): void {
  app.get(stylesheetPath, async (_request, reply) =>
    reply
      .header('cache-control', 'public, max-age=31536000, immutable')
      .type('text/css; charset=utf-8')
      .send(stylesheet),
  );
}
