// A face with large libraries, loaded with its first request: many installations hardly use it, and neither their start
// nor their memory pays for it. It is a server of its own that never listens: requests are handed to it untouched.
import type { FastifyInstance } from 'fastify';
import { lazy } from '../../kernel/lazy.ts';

export function registerLazyFace(
  app: FastifyInstance,
  paths: readonly string[],
  open: () => Promise<FastifyInstance>,
): void {
  let opened: FastifyInstance | null = null;
  const face = lazy(async () => {
    const made = await open();
    await made.ready();
    opened = made;
    return made;
  });
  for (const path of paths) {
    app.all(path, {
      // Before the body is read, which is the face's own business.
      onRequest: async (request, reply) => {
        const { routing } = await face();
        reply.hijack();
        routing(request.raw, reply.raw);
      },
      handler: () => {},
    });
  }
  app.addHook('onClose', async () => {
    await opened?.close();
  });
}
