// What all routes of this dialect have in common: two ways to treat a body, and how JSON is sent.
import type { FastifyInstance, FastifyReply } from 'fastify';
import { jsonType } from './error-answer.ts';

export type Scopes = {
  /** Bodies are JSON. */
  readonly json: FastifyInstance;
  /** Bodies are thrown away unread. */
  readonly bodiless: FastifyInstance;
};

export function sendJson(reply: FastifyReply, body: unknown): FastifyReply {
  return sendText(reply, JSON.stringify(body));
}

/** JSON as text, so that the framework neither looks for a schema nor stringifies once more. */
export function sendText(reply: FastifyReply, json: string): FastifyReply {
  return reply.header('content-type', jsonType).send(json);
}
