// GET /credentials/<id>/why: why a credential stands as it does, for everybody who may see it. Neutral of the dialects: the id
// may be ours or the GraphQL one.
import type { FastifyInstance } from 'fastify';
import { getCredential } from '../../credentials/credential.ts';
import { notFound } from '../../kernel/fault.ts';
import type { RefreshGate } from '../../refresh/refresh-gate.ts';
import { explainCredential } from '../../refresh/why.ts';
import type { House } from '../house.ts';
import { credentialIdIn } from './credential-id.ts';

export type WhyRooms = Pick<House, 'doors' | 'clock' | 'authenticate'> & {
  readonly gate: Pick<RefreshGate, 'refusal'>;
};

type IdParams = { readonly Params: { readonly id: string } };

export function registerWhy(app: FastifyInstance, { doors, clock, authenticate, gate }: WhyRooms): void {
  app.get<IdParams>('/credentials/:id/why', async (request) => {
    const actor = await authenticate(request);
    const id = credentialIdIn(request.params.id);
    if (id === null) throw notFound('Credential');
    return await doors.withTenant(actor.tenant, async (tx) => {
      const credential = await getCredential({ tx, actor, id });
      return await explainCredential({ tx, credential, gate, now: clock.now() });
    });
  });
}
