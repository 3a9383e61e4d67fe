// Routes of credentials under their older name: the rows, the rights and the refusals are those of secrets.
import type { FastifyReply } from 'fastify';
import { Fault, invalidField, isFault, notFound } from '../../../kernel/fault.ts';
import type { CredentialId, UnitId } from '../../../kernel/ids.ts';
import type { Reading } from '../../../refresh/reading.ts';
import { type Actor, can, requirePermission } from '../../../tenancy/actor.ts';
import { typeOfReading } from '../kinds/secret-kinds.ts';
import { declared, parameterNames } from '../openapi/operation.ts';
import { pageMeta, pageOf, parameter, type Query, refuseUnknownFilters } from '../query.ts';
import { idIn, idInPath, readBody } from '../read-input.ts';
import type { Rooms } from '../rooms.ts';
import { type Scopes, sendJson } from '../route.ts';
import { listReadings } from '../secrets/list-readings.ts';
import { findSecret, readSecret, recordReads, type SecretRequest } from '../secrets/read-secret.ts';
import { createSecret, deleteSecret, updateSecret } from '../secrets/write-secret.ts';
import { findWorkspace, type Workspace } from '../workspaces/workspace.ts';
import { accountBody, changedCredentialBody, newCredentialBody } from './credential-body.ts';
import { clientOfComponent, componentsOf } from './credential-component.ts';
import { credentialOperations } from './credential-operations.ts';
import { credentialsFrom, inKeys, type Keys, keysField, keysOf } from './legacy-keys.ts';

const collection = '/credentials';
const one = `${collection}/:credential`;
const defaultPageSize = 20;

export function registerOldCredentialRoutes(scopes: Scopes, house: Rooms): void {
  scopes.json.get(collection, declared(credentialOperations.list), async (request, reply) => {
    const actor = await house.authenticate(request);
    return sendJson(reply, await listOld(house, actor, request.query as Query));
  });

  scopes.json.get(one, declared(credentialOperations.read), async (request, reply) => {
    const wanted = await findOld(house, await house.authenticate(request), request.params);
    const { reading } = await readSecret(house, wanted, null);
    return sendJson(reply, { data: await oldAnswer(house, wanted, reading), meta: {} });
  });

  scopes.json.post(collection, declared(credentialOperations.create), async (request, reply) => {
    const actor = await house.authenticate(request);
    const { attributes, relationships } = readBody(newCredentialBody, request.body).data;
    const workspace = await workspaceIn(house, actor, relationships.workspace.data.id, {
      field: 'data.relationships.workspace',
    });
    const componentRef = relationships.component.data.id;
    const client = await house.doors.withTenant(actor.tenant, (tx) =>
      clientOfComponent(tx, { actor, workspace, componentRef }),
    );
    const body = {
      data: {
        type: 'auth-secret',
        attributes: {
          name: attributes.name,
          credentials: credentialsFrom(attributes.keys, client.type),
        },
        relationships: { auth_client: { data: { id: client.id, type: 'auth-client' } } },
      },
    };
    const id = await inKeys(keysField, () => createSecret(house, { actor, workspace, body }));
    reply.code(201).header('location', `/v2/credentials/${id}`);
    return await sendStored(house, reply, { actor, workspace, id });
  });

  scopes.json.patch(one, declared(credentialOperations.change), async (request, reply) => {
    const wanted = await findOld(house, await house.authenticate(request), request.params);
    requirePermission(wanted.actor, 'credential.edit', wanted.workspace.path);
    const { id, attributes = {} } = readBody(changedCredentialBody, request.body).data;
    if (id !== undefined && id !== wanted.id) {
      throw invalidField('data.id', 'is another id than the one in the path.', 'Leave it out.');
    }
    await change(house, wanted, { ...attributes, field: keysField });
    return await sendStored(house, reply, wanted);
  });

  scopes.bodiless.delete(one, declared(credentialOperations.remove), async (request, reply) => {
    const wanted = await findOld(house, await house.authenticate(request), request.params);
    await deleteSecret(house, wanted);
    return reply.code(204).send();
  });
}

/** What the runtime of a component calls when the component says that its keys have changed. */
export function registerAccountRoutes(scopes: Scopes, house: Rooms): void {
  scopes.json.put('/accounts/:account', declared(credentialOperations.updateKeys), async (request, reply) => {
    const { account } = request.params as { readonly account?: string };
    const wanted = await findOld(house, await house.authenticate(request), { credential: account });
    requirePermission(wanted.actor, 'credential.edit', wanted.workspace.path);
    const { keys } = readBody(accountBody, request.body);
    await change(house, wanted, { keys, field: 'keys' });
    return await sendStored(house, reply, wanted);
  });
}

async function change(
  house: Rooms,
  wanted: SecretRequest,
  given: { readonly name?: string | undefined; readonly keys?: Keys | undefined; readonly field: string },
): Promise<void> {
  const { name, keys, field } = given;
  const current = await findSecret(house, wanted);
  await inKeys(field, async () => {
    const attributes = {
      ...(name === undefined ? {} : { name }),
      ...(keys === undefined ? {} : { credentials: credentialsFrom(keys, typeOfReading(current)) }),
    };
    await updateSecret(house, { ...wanted, current, body: { data: { type: 'auth-secret', attributes } } });
  });
}

/** The workspace is the one that the credential is in, if the actor sees it. */
async function findOld(house: Rooms, actor: Actor, params: unknown): Promise<SecretRequest> {
  const { credential } = params as { readonly credential?: string };
  const id = idInPath<CredentialId>(credential, 'Credential');
  const reading = await house.reader.find({ tenant: actor.tenant, credentialId: id });
  const path = reading === null ? null : await house.authority.unitPath(actor.tenant, reading.unitId);
  if (reading === null || path === null || path.length === 1 || reading.kind !== 'named') {
    throw notFound('Credential');
  }
  if (!can(actor, 'credential.view', path)) throw notFound('Credential');
  return { actor, id, workspace: { id: reading.unitId, path } };
}

async function workspaceIn(
  house: Rooms,
  actor: Actor,
  text: string,
  { field }: { readonly field: string },
): Promise<Workspace> {
  return await findWorkspace(house, actor, idIn<UnitId>(text, field), 'credential.view').catch(
    (error: unknown) => {
      throw isFault(error, 'not_found') ? new Fault('not_found', error.message, { field }) : error;
    },
  );
}

async function sendStored(house: Rooms, reply: FastifyReply, wanted: SecretRequest): Promise<FastifyReply> {
  const reading = await findSecret(house, wanted);
  return sendJson(reply, { data: await oldAnswer(house, wanted, reading), meta: {} });
}

async function oldAnswer(house: Rooms, of: Pick<SecretRequest, 'actor' | 'workspace'>, reading: Reading) {
  const components = await house.doors.withTenant(of.actor.tenant, (tx) => componentsOf(tx, [reading]));
  const [answer] = await oldAnswers(house, { ...of, readings: [reading], components });
  return answer;
}

async function oldAnswers(
  house: Rooms,
  of: {
    readonly actor: Actor;
    readonly workspace: Workspace;
    readonly readings: readonly Reading[];
    readonly components: ReadonlyMap<Reading, string>;
  },
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const { actor, workspace, readings, components } = of;
  const showsKeys = can(actor, 'credential.reveal', workspace.path);
  if (showsKeys) await recordReads(house, actor, readings);
  return readings.map((reading) => ({
    id: reading.credentialId,
    type: 'credential',
    links: { self: `/v2/credentials/${reading.credentialId}` },
    attributes: { name: reading.label, ...(showsKeys ? { keys: keysOf(reading) } : {}) },
    relationships: {
      workspace: relation('workspace', workspace.id),
      component: relation('component', components.get(reading) ?? typeOfReading(reading)),
      ...(reading.createdBy === null ? {} : { user: relation('user', reading.createdBy) }),
    },
  }));
}

function relation(type: string, id: string) {
  return { data: { id, type }, links: { self: `/v2/${type}s/${id}` } };
}

async function listOld(house: Rooms, actor: Actor, query: Query): Promise<unknown> {
  refuseUnknownFilters(query, parameterNames(credentialOperations.list));
  const given = parameter(query, 'workspace_id');
  if (given === null) throw invalidField('workspace_id', 'is missing.', 'Give the id of a workspace.');
  const workspace = await workspaceIn(house, actor, given, { field: 'workspace_id' });
  const componentRef = parameter(query, 'filter[component]');
  const page = pageOf(query, defaultPageSize);
  const all = { actor, workspace, createdBy: null, authClientId: null, page: null };
  const { readings } = await listReadings(house, all);
  const components = await house.doors.withTenant(actor.tenant, (tx) => componentsOf(tx, readings));
  const fitting = readings.filter(
    (reading) => componentRef === null || components.get(reading) === componentRef,
  );
  const { offset, limit } = page?.request ?? { offset: 0, limit: fitting.length };
  const part = fitting.slice(offset, offset + limit);
  const data = await oldAnswers(house, { actor, workspace, readings: part, components });
  return { data, meta: pageMeta(page, fitting.length) };
}
