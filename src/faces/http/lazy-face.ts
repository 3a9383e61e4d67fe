// A face with large libraries, loaded with its first request: many installations hardly use it, and neither their start
// nor their memory pays for it. It is a server of its own that never listens: requests are handed to it untouched.
import type { FastifyInstance } from 'fastify';
import { Fault } from '../../kernel/fault.ts';
import { lazy } from '../../kernel/lazy.ts';

export function registerLazyFace(
  app: FastifyInstance,
  paths: readonly string[],
  open: () => Promise<FastifyInstance>,
): void {
  let opened: FastifyInstance | null = null;
  const face = lazy(async () => {
    const made = await open().catch(sayWhatIsMissing);
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

/** Its code is another file, which updates may have taken away since the server started. */
function sayWhatIsMissing(error: unknown): never {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (!(error instanceof Error) || (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND'))
    throw error;
  throw new Fault('unavailable', 'This part of the server cannot be loaded.', {
    cure: 'Ask the operator to restart it.',
    detail: `restart the server after an update: ${error.message}`,
    cause: error,
  });
}
