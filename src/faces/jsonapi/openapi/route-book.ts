// Which routes are registered, and what each declares: the API's description is made from what is really there.
import type { FastifyInstance } from 'fastify';
import type { Operation } from './operation.ts';

export type BookedRoute = {
  readonly method: string;
  /** As registered: `/v2/workspaces/:workspace`. */
  readonly path: string;
  /** Null fails a test: every route of this face is declared. */
  readonly operation: Operation | null;
};

/** To be called before any route is registered in `app` or beneath it. */
export function bookRoutes(app: FastifyInstance, book: BookedRoute[]): void {
  app.addHook('onRoute', (route) => {
    for (const method of [route.method].flat()) {
      // The framework adds HEAD to every GET.
      if (method === 'HEAD') continue;
      book.push({ method, path: route.url, operation: route.config?.operation ?? null });
    }
  });
}
