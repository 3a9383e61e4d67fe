// Which bodies are read. Clients send JSON with an empty body, or no body with the content type of a form: both mean
// "nothing to say".
import type { FastifyInstance } from 'fastify';
import { Fault } from '../../kernel/fault.ts';

/** JSON, under either of its names; an empty body is an absent one. */
export function acceptJsonBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  const parse = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser(
    ['application/json', 'application/vnd.api+json'],
    { parseAs: 'string' },
    (request, text, done) => {
      if (text.length === 0) return done(null, undefined);
      if (isTooDeep(text as string)) return done(tooDeep());
      void parse(request, text as string, (error, body) => {
        if (error === null) done(null, body);
        else done(refused(text as string));
      });
    },
  );
}

/** The parser says the same of what is no JSON and of members that could change what objects are. */
function refused(text: string): Fault {
  try {
    JSON.parse(text);
  } catch {
    return new Fault('bad_request', 'The body is not valid JSON.', { cure: 'Correct it.' });
  }
  return new Fault('bad_request', 'The body has a member "__proto__" or "constructor.prototype".', {
    cure: 'Leave it out.',
  });
}

/** Whoever walks a value by calling himself, the database among them, runs out of stack somewhere far above. */
const maxDepth = 100;

function isTooDeep(text: string): boolean {
  let depth = 0;
  let isInString = false;
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index];
    if (isInString) {
      if (character === '\\') index += 1;
      else if (character === '"') isInString = false;
    } else if (character === '"') isInString = true;
    else if (character === '[' || character === '{') {
      depth += 1;
      if (depth > maxDepth) return true;
    } else if (character === ']' || character === '}') depth -= 1;
  }
  return false;
}

function tooDeep(): Fault {
  return new Fault('bad_request', `The body is nested deeper than ${maxDepth} levels.`, {
    cure: 'Flatten it.',
  });
}

/** Whatever comes is thrown away unread: for actions that take no input. */
export function ignoreBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, payload, done) => {
    payload.resume();
    done(null);
  });
}
