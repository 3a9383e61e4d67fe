// Routes of workspaces. Every contract has one from the start, its customer's own unit; more are made here.
import { Fault } from '../../../kernel/fault.ts';
import type { UnitId } from '../../../kernel/ids.ts';
import type { PageRequest } from '../../../kernel/page.ts';
import type { Tx } from '../../../storage/doors.ts';
import type { Actor } from '../../../tenancy/actor.ts';
import { checkName, createWorkspace, getUnit, listUnits, type Unit } from '../../../tenancy/unit.ts';
import { levelPath } from '../client-visibility.ts';
import { declared, parameterNames } from '../openapi/operation.ts';
import { pageMeta, pageOrFirst, parameter, type Query, refuseUnknownFilters } from '../query.ts';
import { readBody } from '../read-input.ts';
import type { Rooms } from '../rooms.ts';
import { type Scopes, sendJson } from '../route.ts';
import { contractOf, findWorkspace } from './workspace.ts';
import { newWorkspaceBody } from './workspace-body.ts';
import { workspaceOperations } from './workspace-operations.ts';

const collection = '/workspaces';
const one = `${collection}/:workspace`;
const defaultPageSize = 20;

export function registerWorkspaceRoutes(scopes: Scopes, house: Rooms): void {
  scopes.json.get(collection, declared(workspaceOperations.list), async (request, reply) => {
    const actor = await house.authenticate(request);
    const query = request.query as Query;
    refuseUnknownFilters(query, parameterNames(workspaceOperations.list));
    const page = pageOrFirst(query, defaultPageSize);
    const contractId = parameter(query, 'contract_id');
    const path =
      contractId === null
        ? null
        : await levelPath(house, actor, 'contract', { id: contractId, field: 'contract_id' });
    const { units, totalCount } = await house.doors.withTenant(actor.tenant, (tx) =>
      listWorkspaces(tx, actor, path?.[0] ?? null, page.request),
    );
    return sendJson(reply, { data: units.map(workspaceAnswer), meta: pageMeta(page, totalCount) });
  });

  scopes.json.get(one, declared(workspaceOperations.read), async (request, reply) => {
    const actor = await house.authenticate(request);
    const { workspace: id } = request.params as { readonly workspace?: string };
    const workspace = await findWorkspace(house, actor, id, 'unit.view');
    const unit = await house.doors.withTenant(actor.tenant, (tx) =>
      getUnit({ tx, actor, id: workspace.id, what: 'Workspace' }),
    );
    return sendJson(reply, { data: workspaceAnswer(unit), meta: {} });
  });

  scopes.json.post(collection, declared(workspaceOperations.create), async (request, reply) => {
    const actor = await house.authenticate(request);
    const { attributes, relationships } = readBody(newWorkspaceBody, request.body).data;
    const field = 'data.relationships.contract';
    const [customerId] = await levelPath(house, actor, 'contract', {
      id: relationships.contract.data.id,
      field,
    });
    if (customerId === undefined) throw new Fault('internal', 'A path without its unit.');
    const unit = await house.doors.withTenant(actor.tenant, (tx) =>
      createWorkspace({ tx, actor, customerId, name: checkName(attributes.name, 'data.attributes.name') }),
    );
    reply.code(201).header('location', `/v2/workspaces/${unit.id}`);
    return sendJson(reply, { data: workspaceAnswer(unit), meta: {} });
  });
}

/** Customers' own units first, then the workspaces beneath them, as one list. */
async function listWorkspaces(
  tx: Tx,
  actor: Actor,
  customerId: UnitId | null,
  { offset, limit }: PageRequest,
): Promise<{ readonly units: readonly Unit[]; readonly totalCount: number }> {
  const customers =
    customerId === null
      ? await listUnits({ tx, actor, kind: 'customer', page: { offset, limit } })
      : await onlyCustomer(tx, actor, customerId, offset);
  const rest = limit - customers.items.length;
  const beneath = await listUnits({
    tx,
    actor,
    kind: 'workspace',
    parentId: customerId,
    page: { offset: Math.max(offset - customers.totalCount, 0), limit: rest },
  });
  return {
    units: [...customers.items, ...beneath.items],
    totalCount: customers.totalCount + beneath.totalCount,
  };
}

async function onlyCustomer(tx: Tx, actor: Actor, id: UnitId, offset: number) {
  const customer = await getUnit({ tx, actor, id, what: 'Contract' });
  return { items: offset === 0 ? [customer] : [], totalCount: 1 };
}

function workspaceAnswer(unit: Unit): Readonly<Record<string, unknown>> {
  const contractId = contractOf(unit);
  return {
    id: unit.id,
    type: 'workspace',
    links: { self: `/v2/workspaces/${unit.id}` },
    attributes: { name: unit.name, type: 'full' },
    relationships: {
      contract: {
        data: { id: contractId, type: 'contract' },
        links: { self: `/v2/contracts/${contractId}` },
      },
    },
  };
}
