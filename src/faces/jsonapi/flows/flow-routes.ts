// Routes of flows.
import type { FastifyRequest } from 'fastify';
import {
  createOutsideFlow,
  deleteOutsideFlow,
  flowView,
  getOutsideFlow,
  listOutsideFlows,
  type OutsideFlow,
  type OutsideFlowId,
  startOutsideFlow,
  stopOutsideFlow,
  updateOutsideFlow,
} from '../../../integrations/outside-flow.ts';
import { Fault, invalidField, isFault } from '../../../kernel/fault.ts';
import type { PrincipalId, UnitId } from '../../../kernel/ids.ts';
import type { Actor } from '../../../tenancy/actor.ts';
import { checkName } from '../../../tenancy/unit.ts';
import { declared, parameterNames } from '../openapi/operation.ts';
import { pageMeta, pageOrFirst, parameter, type Query, refuseUnknownFilters } from '../query.ts';
import { idIn, idInPath, readBody } from '../read-input.ts';
import type { Rooms } from '../rooms.ts';
import { type Scopes, sendJson } from '../route.ts';
import { findWorkspace, type Workspace } from '../workspaces/workspace.ts';
import { flowAnswer } from './flow-answer.ts';
import { changedFlowBody, type FlowAttributes, newFlowBody } from './flow-body.ts';
import { credentialIdsIn, documentFrom, documentOf } from './flow-document.ts';
import { flowOperations, flowWorkspace } from './flow-operations.ts';

const collection = '/flows';
const one = `${collection}/:flow`;
const nameField = 'data.attributes.name';
const workspaceField = 'data.relationships.workspace';
const defaultPageSize = 50;

export function registerFlowRoutes(scopes: Scopes, house: Rooms): void {
  const { vault } = house;
  scopes.json.get(collection, declared(flowOperations.list), async (request, reply) => {
    const actor = await house.authenticate(request);
    return sendJson(reply, await listFlows(house, actor, request.query as Query));
  });

  scopes.json.get(one, declared(flowOperations.read), async (request, reply) => {
    const actor = await house.authenticate(request);
    const id = flowIdIn(request);
    const flow = await house.doors.withTenant(actor.tenant, (tx) => getOutsideFlow({ tx, vault, actor, id }));
    return sendJson(reply, { data: flowAnswer(flow), meta: {} });
  });

  scopes.json.post(collection, declared(flowOperations.create), async (request, reply) => {
    const actor = await house.authenticate(request);
    const { attributes, relationships } = readBody(newFlowBody, request.body).data;
    const given = relationships.workspace.data.id;
    const { id: unitId } = await workspaceIn(house, actor, { id: given, field: workspaceField });
    const flow = await house.doors.withTenant(actor.tenant, (tx) =>
      createOutsideFlow({ tx, vault, actor, unitId, flow: textsFrom(attributes, null) }),
    );
    reply.code(201).header('location', `/v2/flows/${flow.id}`);
    return sendJson(reply, { data: flowAnswer(flow), meta: {} });
  });

  scopes.json.patch(one, declared(flowOperations.change), async (request, reply) => {
    const actor = await house.authenticate(request);
    const id = flowIdIn(request);
    const { id: givenId, attributes = {}, relationships } = readBody(changedFlowBody, request.body).data;
    if (givenId !== undefined && givenId !== id) {
      throw invalidField('data.id', 'is another id than the one in the path.', 'Leave it out.');
    }
    const change = (flow: OutsideFlow) => {
      const workspaceId = relationships?.workspace?.data.id ?? flow.unitId;
      if (workspaceId === flow.unitId) return textsFrom(attributes, flow);
      throw invalidField(workspaceField, 'cannot be changed.', 'Make another flow there.');
    };
    const flow = await house.doors.withTenant(actor.tenant, (tx) =>
      updateOutsideFlow({ tx, vault, actor, id, change }),
    );
    return sendJson(reply, { data: flowAnswer(flow), meta: {} });
  });

  scopes.bodiless.delete(one, declared(flowOperations.remove), async (request, reply) => {
    const actor = await house.authenticate(request);
    const id = flowIdIn(request);
    await house.doors.withTenant(actor.tenant, (tx) => deleteOutsideFlow({ tx, vault, actor, id }));
    return reply.code(204).send();
  });

  for (const [verb, change] of [
    ['start', startOutsideFlow],
    ['stop', stopOutsideFlow],
  ] as const) {
    scopes.bodiless.post(`${one}/${verb}`, declared(flowOperations[verb]), async (request, reply) => {
      const actor = await house.authenticate(request);
      const id = flowIdIn(request);
      const flow = await house.doors.withTenant(actor.tenant, (tx) => change({ tx, vault, actor, id }));
      reply.code(flowOperations[verb].answer.status);
      return sendJson(reply, { data: flowAnswer(flow), meta: {} });
    });
  }
}

export function flowIdIn(request: FastifyRequest): OutsideFlowId {
  return idInPath<OutsideFlowId>((request.params as { readonly flow?: string }).flow, 'Flow');
}

/** One that a query or a body names; whoever sees its secrets sees its flows. */
async function workspaceIn(
  house: Rooms,
  actor: Actor,
  given: { readonly id: string; readonly field: string },
): Promise<Workspace> {
  const id = idIn<UnitId>(given.id, given.field);
  return await findWorkspace(house, actor, id, flowView).catch((error: unknown) => {
    if (!isFault(error, 'not_found')) throw error;
    throw new Fault('not_found', error.message, {
      field: given.field,
      ...(error.cure === null ? {} : { cure: error.cure }),
    });
  });
}

function textsFrom(given: FlowAttributes, before: OutsideFlow | null) {
  const document = documentFrom(given, before === null ? null : documentOf(before));
  return {
    name: given.name === undefined ? (before?.name ?? '') : checkName(given.name, nameField),
    description: given.description === undefined ? (before?.description ?? '') : (given.description ?? ''),
    kind: given.type ?? before?.kind ?? 'ordinary',
    document,
    credentialIds: credentialIdsIn(document),
  };
}

const orders = ['created_at', 'updated_at', 'name'] as const;
const statuses = ['active', 'inactive'] as const;
const kinds = ['ordinary', 'long_running'] as const;

async function listFlows(house: Rooms, actor: Actor, query: Query): Promise<unknown> {
  refuseUnknownFilters(query, parameterNames(flowOperations.list));
  const given = parameter(query, flowWorkspace);
  if (given === null) throw invalidField(flowWorkspace, 'is missing.', 'Give the id of a workspace.');
  const workspace = await workspaceIn(house, actor, { id: given, field: flowWorkspace });
  const status = oneOf(query, 'filter[status]', statuses);
  const user = parameter(query, 'filter[user]');
  const sort = parameter(query, 'sort') ?? 'created_at';
  const isDescending = sort.startsWith('-');
  const page = pageOrFirst(query, defaultPageSize);
  const filter = {
    actor,
    unitPath: workspace.path,
    isStarted: status === null ? null : status === 'active',
    kind: oneOf(query, 'filter[type]', kinds),
    createdBy: user === null ? null : idIn<PrincipalId>(user, 'filter[user]'),
    search: parameter(query, 'search')?.trim() ?? null,
    order: { by: among(sort.slice(isDescending ? 1 : 0), 'sort', orders), isDescending },
    page: page.request,
  };
  const found = await house.doors.withTenant(actor.tenant, (tx) =>
    listOutsideFlows({ tx, vault: house.vault, ...filter }),
  );
  return { data: found.items.map(flowAnswer), meta: pageMeta(page, found.totalCount) };
}

function oneOf<T extends string>(query: Query, name: string, known: readonly T[]): T | null {
  const text = parameter(query, name);
  return text === null ? null : among(text, name, known);
}

function among<T extends string>(text: string, field: string, known: readonly T[]): T {
  const value = known.find((candidate) => candidate === text);
  if (value !== undefined) return value;
  throw invalidField(field, 'has a value that is not known here.', `Choose one of: ${known.join(', ')}.`);
}
