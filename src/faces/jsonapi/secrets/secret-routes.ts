// Routes of a workspace's secrets.
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Fault, invalidField } from '../../../kernel/fault.ts';
import type { AuthClientId, CredentialId, PrincipalId } from '../../../kernel/ids.ts';
import type { Reading } from '../../../refresh/reading.ts';
import { type Actor, requirePermission } from '../../../tenancy/actor.ts';
import { declared, parameterNames } from '../openapi/operation.ts';
import { numberOf, pageMeta, pageOf, parameter, type Query, refuseUnknownFilters } from '../query.ts';
import { idIn, idInPath } from '../read-input.ts';
import type { Rooms } from '../rooms.ts';
import { type Scopes, sendText } from '../route.ts';
import { findWorkspace, type Workspace } from '../workspaces/workspace.ts';
import { listReadings } from './list-readings.ts';
import { answerSecrets, findSecret, readSecret, type SecretRequest } from './read-secret.ts';
import { minTtl, refusedToken, secretOperations } from './secret-operations.ts';
import { createSecret, deleteSecret, updateSecret } from './write-secret.ts';

type Path = { readonly workspace?: string; readonly secret?: string };

const collection = '/workspaces/:workspace/secrets';
const one = `${collection}/:secret`;
const defaultPageSize = 20;

export function registerSecretRoutes(scopes: Scopes, house: Rooms): void {
  scopes.json.get(collection, declared(secretOperations.list), async (request, reply) => {
    const { actor, workspace } = await enter(house, request);
    const query = request.query as Query;
    refuseUnknownFilters(query, parameterNames(secretOperations.list));
    const page = pageOf(query, defaultPageSize);
    const user = parameter(query, 'filter[user]');
    const client = parameter(query, 'filter[auth_client]');
    const { readings, totalCount } = await listReadings(house, {
      actor,
      workspace,
      createdBy: user === null ? null : idIn<PrincipalId>(user, 'filter[user]'),
      authClientId: client === null ? null : idIn<AuthClientId>(client, 'filter[auth_client]'),
      page,
    });
    const data = await answerSecrets(house, { actor, workspace, readings, isServed: false });
    const meta = JSON.stringify(pageMeta(page, totalCount));
    return sendText(reply, `{"data":[${data.join(',')}],"meta":${meta}}`);
  });

  scopes.json.get(one, declared(secretOperations.read), async (request, reply) => {
    const wanted = await enterOne(house, request);
    const minTtlSeconds = numberOf(request.query as Query, minTtl.name, minTtl.range);
    const { reading, isDegraded } = await readSecret(house, wanted, minTtlSeconds);
    if (isDegraded) reply.header('x-token-degraded', '1');
    return await sendOne(house, reply, wanted, { reading, isServed: true });
  });

  scopes.json.post(collection, declared(secretOperations.create), async (request, reply) => {
    const { actor, workspace } = await enter(house, request);
    const id = await createSecret(house, { actor, workspace, body: request.body });
    const wanted = { actor, workspace, id };
    reply.code(201).header('location', `/v2/workspaces/${workspace.id}/secrets/${id}`);
    return await sendStored(house, reply, wanted);
  });

  scopes.json.patch(one, declared(secretOperations.change), async (request, reply) => {
    const wanted = await enterOne(house, request);
    requirePermission(wanted.actor, 'credential.edit', wanted.workspace.path);
    const current = await findSecret(house, wanted);
    await updateSecret(house, { ...wanted, current, body: request.body });
    return await sendStored(house, reply, wanted);
  });

  scopes.bodiless.delete(one, declared(secretOperations.remove), async (request, reply) => {
    const wanted = await enterOne(house, request);
    await findSecret(house, wanted);
    await deleteSecret(house, wanted);
    return reply.code(204).send();
  });

  // Clients send an empty form, an empty JSON object or nothing, with whatever content type: none of it matters.
  scopes.bodiless.post(`${one}/refresh`, declared(secretOperations.refresh), async (request, reply) => {
    const wanted = await enterOne(house, request);
    requirePermission(wanted.actor, 'credential.refresh', wanted.workspace.path);
    const current = await findSecret(house, wanted);
    if (current.grant === null) {
      throw new Fault('bad_request', 'This secret has no token that could be refreshed.', {
        cure: 'Only secrets of type oauth2 have one.',
      });
    }
    const refreshed = await house.reader.forceRefresh({
      tenant: wanted.actor.tenant,
      credentialId: wanted.id,
      refusedSha256: refusedTokenIn(request),
    });
    return await sendOne(house, reply, wanted, { reading: refreshed, isServed: true });
  });
}

function refusedTokenIn(request: FastifyRequest): string | null {
  const given = request.headers[refusedToken.name.toLowerCase()];
  if (given === undefined || given === '') return null;
  if (typeof given === 'string' && refusedToken.pattern.test(given)) return given;
  throw invalidField(
    refusedToken.name,
    'is not a SHA-256 of 64 hexadecimal digits.',
    'Correct it, or leave it out.',
  );
}

async function enter(
  house: Rooms,
  request: FastifyRequest,
): Promise<{ readonly actor: Actor; readonly workspace: Workspace }> {
  const actor = await house.authenticate(request);
  const { workspace } = request.params as Path;
  return { actor, workspace: await findWorkspace(house, actor, workspace, 'credential.view') };
}

async function enterOne(house: Rooms, request: FastifyRequest): Promise<SecretRequest> {
  const { actor, workspace } = await enter(house, request);
  return { actor, workspace, id: idInPath<CredentialId>((request.params as Path).secret, 'Secret') };
}

async function sendOne(
  house: Rooms,
  reply: FastifyReply,
  wanted: SecretRequest,
  of: { readonly reading: Reading; readonly isServed: boolean },
): Promise<FastifyReply> {
  const { actor, workspace } = wanted;
  const { reading, isServed } = of;
  const [data] = await answerSecrets(house, { actor, workspace, readings: [reading], isServed });
  return sendText(reply, `{"data":${data ?? 'null'},"meta":{}}`);
}

async function sendStored(house: Rooms, reply: FastifyReply, wanted: SecretRequest): Promise<FastifyReply> {
  return await sendOne(house, reply, wanted, { reading: await findSecret(house, wanted), isServed: false });
}
