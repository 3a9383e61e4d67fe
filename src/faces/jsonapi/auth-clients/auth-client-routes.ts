// Routes of auth clients.
import type { FastifyRequest } from 'fastify';
import {
  createAuthClient,
  deleteAuthClient,
  listAuthClients,
  updateAuthClient,
} from '../../../credentials/auth-client.ts';
import { Fault, invalidField, notFound } from '../../../kernel/fault.ts';
import type { AuthClientId, UnitId } from '../../../kernel/ids.ts';
import { maxPageSize, type PageRequest } from '../../../kernel/page.ts';
import { type Actor, requirePermission } from '../../../tenancy/actor.ts';
import { checkName } from '../../../tenancy/unit.ts';
import {
  type Level,
  levelPath,
  pathOf,
  rootOf,
  type SeenClient,
  scopeIn,
  seeClient,
} from '../client-visibility.ts';
import { declared, parameterNames } from '../openapi/operation.ts';
import { pageMeta, pageOf, parameter, type Query, refuseUnknownFilters } from '../query.ts';
import { idInPath, readBody } from '../read-input.ts';
import type { Rooms } from '../rooms.ts';
import { type Scopes, sendJson } from '../route.ts';
import { authClientAnswer } from './auth-client-answer.ts';
import { type ClientRelationships, changedClientBody, newClientBody } from './auth-client-body.ts';
import { clientOperations } from './auth-client-operations.ts';
import { clientKindOf } from './client-kind.ts';

const collection = '/auth-clients';
const one = `${collection}/:client`;
const nameField = 'data.attributes.name';
const defaultPageSize = 20;

export function registerAuthClientRoutes(scopes: Scopes, house: Rooms): void {
  scopes.json.get(collection, declared(clientOperations.list), async (request, reply) => {
    const actor = await house.authenticate(request);
    return sendJson(reply, await listClients(house, actor, request.query as Query));
  });

  scopes.json.get(one, declared(clientOperations.read), async (request, reply) => {
    const actor = await house.authenticate(request);
    const scope = await scopeIn(house, actor, scopeParameters(request.query as Query));
    const data = await house.doors.withTenant(actor.tenant, async (tx) => {
      const seen = await seeClient(house, { tx, actor, id: clientIdIn(request) });
      const [unitId] = seen.path;
      if (scope !== null && unitId !== undefined && !scope.includes(unitId)) throw notFound('Auth client');
      return await authClientAnswer(seen, { tx, house, actor });
    });
    return sendJson(reply, { data, meta: {} });
  });

  scopes.json.post(collection, declared(clientOperations.create), async (request, reply) => {
    const actor = await house.authenticate(request);
    const { attributes, relationships } = readBody(newClientBody, request.body).data;
    const path = await pathIn(house, actor, relationships);
    requirePermission(actor, 'auth_client.create', path);
    const client = {
      unitId: path[0] ?? rootOf(actor),
      name: checkName(attributes.name, nameField),
      type: attributes.type,
      ...clientKindOf(attributes.type).read(attributes.credentials),
      componentRefs: componentRefsIn(relationships) ?? [],
    };
    const data = await house.doors.withTenant(actor.tenant, async (tx) => {
      const context = { tx, vault: house.vault, actor };
      const made = await createAuthClient({ ...context, client });
      return await authClientAnswer({ client: made, path }, { tx, house, actor });
    });
    reply.code(201).header('location', `/v2/auth-clients/${String(data.id)}`);
    return sendJson(reply, { data, meta: {} });
  });

  scopes.json.patch(one, declared(clientOperations.change), async (request, reply) => {
    const actor = await house.authenticate(request);
    const id = clientIdIn(request);
    const { id: givenId, attributes = {}, relationships } = readBody(changedClientBody, request.body).data;
    if (givenId !== undefined && givenId !== id) {
      throw invalidField('data.id', 'is another id than the one in the path.', 'Leave it out.');
    }
    const data = await house.doors.withTenant(actor.tenant, async (tx) => {
      const context = { tx, vault: house.vault, actor };
      const seen = await seeClient(house, { tx, actor, id });
      requirePermission(actor, 'auth_client.edit', seen.path);
      refuseOtherLevel(seen, attributes.type, relationships);
      const componentRefs = componentRefsIn(relationships);
      const change =
        attributes.credentials === undefined
          ? {}
          : clientKindOf(seen.client.type).change(attributes.credentials, seen.client);
      const client = await updateAuthClient({
        ...context,
        id,
        change: {
          ...change,
          ...(attributes.name === undefined ? {} : { name: checkName(attributes.name, nameField) }),
          ...(componentRefs === null ? {} : { componentRefs }),
        },
      });
      return await authClientAnswer({ client, path: seen.path }, { tx, house, actor });
    });
    return sendJson(reply, { data, meta: {} });
  });

  scopes.bodiless.delete(one, declared(clientOperations.remove), async (request, reply) => {
    const actor = await house.authenticate(request);
    await house.doors.withTenant(actor.tenant, async (tx) => {
      const { client, path } = await seeClient(house, { tx, actor, id: clientIdIn(request) });
      requirePermission(actor, 'auth_client.delete', path);
      await deleteAuthClient({ tx, actor, id: client.id });
    });
    return reply.code(204).send();
  });
}

function clientIdIn(request: FastifyRequest): AuthClientId {
  return idInPath<AuthClientId>((request.params as { readonly client?: string }).client, 'Auth client');
}

function scopeParameters(query: Query) {
  return {
    workspace_id: parameter(query, 'workspace_id'),
    contract_id: parameter(query, 'contract_id'),
    tenant_id: parameter(query, 'tenant_id'),
  };
}

/** Everything visible from the scope given; without one, what is visible to all. */
async function listClients(house: Rooms, actor: Actor, query: Query): Promise<unknown> {
  refuseUnknownFilters(query, parameterNames(clientOperations.list));
  const componentRef = parameter(query, 'filter[component]');
  const page = pageOf(query, defaultPageSize);
  const unitIds = (await scopeIn(house, actor, scopeParameters(query))) ?? (await globalUnits(house, actor));
  return await house.doors.withTenant(actor.tenant, async (tx) => {
    const data: unknown[] = [];
    let request: PageRequest = page?.request ?? { offset: 0, limit: maxPageSize };
    for (;;) {
      const part = await listAuthClients({
        tx,
        actor,
        unitIds,
        includePlatform: true,
        componentRef,
        page: request,
      });
      for (const client of part.items) {
        const seen = { client, path: await pathOf(house, actor, client) };
        data.push(await authClientAnswer(seen, { tx, house, actor }));
      }
      const isComplete = part.items.length === 0 || request.offset + request.limit >= part.totalCount;
      if (page !== null || isComplete) return { data, meta: pageMeta(page, part.totalCount) };
      request = { offset: request.offset + request.limit, limit: maxPageSize };
    }
  });
}

/** "Global" ends at the organization: beyond it only the platform's own clients are shown. */
async function globalUnits(house: Rooms, actor: Actor): Promise<readonly UnitId[]> {
  const root = rootOf(actor);
  await levelPath(house, actor, 'tenant', { id: root, field: 'tenant_id' });
  return [root];
}

const levels: readonly Level[] = ['workspace', 'contract', 'tenant'];

/** The unit that a new client belongs to: of the one relationship given, or the organization. */
async function pathIn(
  house: Rooms,
  actor: Actor,
  relationships: ClientRelationships | undefined,
): Promise<readonly UnitId[]> {
  const [level, another] = levels.filter((candidate) => relationships?.[candidate] !== undefined);
  if (level === undefined) return [rootOf(actor)];
  if (another !== undefined) {
    throw invalidField(
      `data.relationships.${another}`,
      `cannot be combined with ${level}.`,
      'Give one of them.',
    );
  }
  const field = `data.relationships.${level}`;
  return await levelPath(house, actor, level, { id: relationships?.[level]?.data.id ?? '', field });
}

function componentRefsIn(relationships: ClientRelationships | undefined): readonly string[] | null {
  const data = relationships?.components?.data;
  return data === undefined ? null : [...new Set(data.map((component) => component.id))];
}

function refuseOtherLevel(
  seen: SeenClient,
  type: string | undefined,
  relationships: ClientRelationships | undefined,
): void {
  if (type !== undefined && type !== seen.client.type) {
    throw invalidField('data.attributes.type', 'cannot be changed.', 'Make another auth client.');
  }
  for (const level of levels) {
    const given = relationships?.[level];
    if (given === undefined || given.data.id === seen.client.unitId) continue;
    throw new Fault('invalid_field', `data.relationships.${level}: the level cannot be changed.`, {
      field: `data.relationships.${level}`,
      cure: 'Make another auth client there.',
    });
  }
}
