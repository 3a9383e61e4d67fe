// Routes of OAuth clients under their older name: auth clients of the tenant itself, of type oauth2.
import type { FastifyRequest } from 'fastify';
import {
  type AuthClient,
  createAuthClient,
  deleteAuthClient,
  listAuthClients,
  updateAuthClient,
} from '../../../credentials/auth-client.ts';
import { Fault, invalidField, notFound } from '../../../kernel/fault.ts';
import type { AuthClientId, UnitId } from '../../../kernel/ids.ts';
import { maxPageSize } from '../../../kernel/page.ts';
import type { Tx } from '../../../storage/doors.ts';
import { type Actor, can, requirePermission } from '../../../tenancy/actor.ts';
import { checkName } from '../../../tenancy/unit.ts';
import { clientKindOf } from '../auth-clients/client-kind.ts';
import { levelPath, rootOf, type SeenClient, seeClient } from '../client-visibility.ts';
import { declared, parameterNames } from '../openapi/operation.ts';
import { pageMeta, pageOf, parameter, type Query, refuseUnknownFilters } from '../query.ts';
import { idInPath, readBody } from '../read-input.ts';
import type { Rooms } from '../rooms.ts';
import { type Scopes, sendJson } from '../route.ts';
import { componentField } from './credential-component.ts';
import { inKeys } from './legacy-keys.ts';
import { changedOauthClientBody, newOauthClientBody } from './oauth-client-body.ts';
import { oauthClientOperations } from './oauth-client-operations.ts';

const collection = '/tenants/:tenant/oauth-clients';
const one = `${collection}/:client`;
const type = 'oauth2';
const attributesField = 'data.attributes';
const nameField = 'data.attributes.name';
const defaultPageSize = 20;

export function registerOldOauthClientRoutes(scopes: Scopes, house: Rooms): void {
  scopes.json.get(collection, declared(oauthClientOperations.list), async (request, reply) => {
    const { actor, root } = await enter(house, request);
    const query = request.query as Query;
    refuseUnknownFilters(query, parameterNames(oauthClientOperations.list));
    const page = pageOf(query, defaultPageSize);
    const componentRef = parameter(query, 'filter[component]');
    const all = await house.doors.withTenant(actor.tenant, (tx) => listOf(tx, actor, root, componentRef));
    const { offset, limit } = page?.request ?? { offset: 0, limit: all.length };
    const data = all.slice(offset, offset + limit).map((client) => clientAnswer(actor, client));
    return sendJson(reply, { data, meta: pageMeta(page, all.length) });
  });

  scopes.json.get(one, declared(oauthClientOperations.read), async (request, reply) => {
    const { actor } = await enter(house, request);
    const { client } = await house.doors.withTenant(actor.tenant, (tx) => see(house, tx, actor, request));
    return sendJson(reply, { data: clientAnswer(actor, client), meta: {} });
  });

  scopes.json.post(collection, declared(oauthClientOperations.create), async (request, reply) => {
    const { actor, root } = await enter(house, request);
    const { attributes, relationships } = readBody(newOauthClientBody, request.body).data;
    requirePermission(actor, 'auth_client.create', [root]);
    const { name, created_at: _made, updated_at: _changed, ...credentials } = attributes;
    const componentRef = relationships.component.data.id;
    const client = {
      unitId: root,
      name: checkName(name ?? componentRef, nameField),
      type,
      ...(await inKeys(attributesField, async () => clientKindOf(type).read(credentials))),
      componentRefs: [componentRef],
    };
    const made = await house.doors.withTenant(actor.tenant, async (tx) => {
      const [known] = await listOf(tx, actor, root, componentRef);
      if (known !== undefined) {
        throw new Fault('conflict', `${componentRef} has an OAuth client: ${known.id}.`, {
          field: componentField,
          cure: 'Change that one.',
        });
      }
      return await createAuthClient({ tx, vault: house.vault, actor, client });
    });
    reply.code(201).header('location', addressOf(actor, made));
    return sendJson(reply, { data: clientAnswer(actor, made), meta: {} });
  });

  scopes.json.patch(one, declared(oauthClientOperations.change), async (request, reply) => {
    const { actor, root } = await enter(house, request);
    const client = await change(house, actor, root, request);
    return sendJson(reply, { data: clientAnswer(actor, client), meta: {} });
  });

  scopes.bodiless.delete(one, declared(oauthClientOperations.remove), async (request, reply) => {
    const { actor, root } = await enter(house, request);
    await house.doors.withTenant(actor.tenant, async (tx) => {
      const { client } = await see(house, tx, actor, request);
      requirePermission(actor, 'auth_client.delete', [root]);
      await deleteAuthClient({ tx, actor, id: client.id });
    });
    return reply.code(204).send();
  });
}

async function change(
  house: Rooms,
  actor: Actor,
  root: UnitId,
  request: FastifyRequest,
): Promise<AuthClient> {
  const id = clientIdIn(request);
  const { id: givenId, attributes = {} } = readBody(changedOauthClientBody, request.body).data;
  if (givenId !== undefined && givenId !== id) {
    throw invalidField('data.id', 'is another id than the one in the path.', 'Leave it out.');
  }
  const { name, created_at: _made, updated_at: _changed, ...credentials } = attributes;
  return await house.doors.withTenant(actor.tenant, async (tx) => {
    const seen = await see(house, tx, actor, request);
    requirePermission(actor, 'auth_client.edit', [root]);
    const change = await inKeys(attributesField, async () =>
      clientKindOf(type).change(credentials, seen.client),
    );
    return await updateAuthClient({
      tx,
      vault: house.vault,
      actor,
      id,
      change: { ...change, ...(name === undefined ? {} : { name: checkName(name, nameField) }) },
    });
  });
}

/** The own organization, for whoever sees auth clients from where he stands. */
async function enter(
  house: Rooms,
  request: FastifyRequest,
): Promise<{ readonly actor: Actor; readonly root: UnitId }> {
  const actor = await house.authenticate(request);
  const { tenant } = request.params as { readonly tenant?: string };
  const root = idInPath<UnitId>(tenant, 'Tenant');
  if (root !== rootOf(actor)) throw notFound('Tenant');
  await levelPath(house, actor, 'tenant', { id: root, field: 'tenant_id' });
  return { actor, root };
}

function clientIdIn(request: FastifyRequest): AuthClientId {
  return idInPath<AuthClientId>((request.params as { readonly client?: string }).client, 'OAuth client');
}

async function see(house: Rooms, tx: Tx, actor: Actor, request: FastifyRequest): Promise<SeenClient> {
  const seen = await seeClient(house, { tx, actor, id: clientIdIn(request) });
  if (seen.client.type !== type || seen.client.unitId !== rootOf(actor)) throw notFound('OAuth client');
  return seen;
}

async function listOf(
  tx: Tx,
  actor: Actor,
  root: UnitId,
  componentRef: string | null,
): Promise<readonly AuthClient[]> {
  const clients: AuthClient[] = [];
  for (let offset = 0; ; offset += maxPageSize) {
    const { items, totalCount } = await listAuthClients({
      tx,
      actor,
      unitIds: [root],
      includePlatform: false,
      componentRef,
      page: { offset, limit: maxPageSize },
    });
    clients.push(...items.filter((client) => client.type === type));
    if (items.length === 0 || offset + maxPageSize >= totalCount) return clients;
  }
}

function addressOf(actor: Actor, client: AuthClient): string {
  return `/v2/tenants/${rootOf(actor)}/oauth-clients/${client.id}`;
}

function clientAnswer(actor: Actor, client: AuthClient): Readonly<Record<string, unknown>> {
  const root = rootOf(actor);
  const [componentRef] = client.componentRefs;
  const showsCredentials = can(actor, 'auth_client.view', [root]);
  return {
    id: client.id,
    type: 'oauth-client',
    links: { self: addressOf(actor, client) },
    attributes: {
      name: client.name,
      ...(showsCredentials ? clientKindOf(client.type).show(client, null) : {}),
    },
    relationships: {
      tenant: relation('tenant', root),
      ...(componentRef === undefined ? {} : { component: relation('component', componentRef) }),
    },
  };
}

function relation(kind: string, id: string) {
  return { data: { id, type: kind }, links: { self: `/v2/${kind}s/${id}` } };
}
