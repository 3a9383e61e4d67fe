// Where browsers may be sent after a consent: GET and PUT /account/redirect-origins, in JSON. Redirects named by
// integrations and credentials must lead to one of these origins.
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { invalidField } from '../../kernel/fault.ts';
import type { UnitId } from '../../kernel/ids.ts';
import { getUnit, updateUnit } from '../../tenancy/unit.ts';
import { plainDialect } from '../http/server.ts';
import type { AccountHouse } from './exchange.ts';
import { readBody } from './read-body.ts';

const newOrigins = z.strictObject({ origins: z.array(z.string().max(300)).max(100) });
const loopback = new Set(['localhost', '127.0.0.1', '[::1]']);

export function registerRedirectOrigins(scope: FastifyInstance, house: AccountHouse): void {
  const config = { errorDialect: plainDialect };
  scope.get('/account/redirect-origins', { config }, async (request) => {
    const actor = await house.authenticate(request);
    const id = actor.tenant as string as UnitId;
    const unit = await house.doors.withTenant(actor.tenant, (tx) => getUnit({ tx, actor, id }));
    return { origins: unit.redirectOrigins };
  });
  scope.put('/account/redirect-origins', { config }, async (request) => {
    const actor = await house.authenticate(request);
    const id = actor.tenant as string as UnitId;
    const redirectOrigins = readBody(newOrigins, request.body).origins.map(checkOrigin);
    const change = { redirectOrigins: [...new Set(redirectOrigins)] };
    const unit = await house.doors.withTenant(actor.tenant, (tx) => updateUnit({ tx, actor, id, change }));
    return { origins: unit.redirectOrigins };
  });
}

/** An origin as browsers write it: scheme, host, port, nothing else; https, or http on this machine. */
function checkOrigin(text: string, index: number): string {
  const field = `origins[${index}]`;
  const url = URL.canParse(text) ? new URL(text) : null;
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && loopback.has(url.hostname));
  if (url !== null && isSafe && url.origin === text.replace(/\/$/, '')) return url.origin;
  throw invalidField(
    field,
    'is not an https origin.',
    'Give scheme, host and port only: https://app.example.com.',
  );
}
