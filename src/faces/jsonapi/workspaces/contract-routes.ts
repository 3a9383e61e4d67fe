// Routes of contracts: the customers of the organization, to be read.

import { notFound } from '../../../kernel/fault.ts';
import type { UnitId } from '../../../kernel/ids.ts';
import { getUnit, listUnits, type Unit } from '../../../tenancy/unit.ts';
import { declared, parameterNames } from '../openapi/operation.ts';
import { pageMeta, pageOrFirst, type Query, refuseUnknownFilters } from '../query.ts';
import { idInPath } from '../read-input.ts';
import type { Rooms } from '../rooms.ts';
import { type Scopes, sendJson } from '../route.ts';
import { contractOperations } from './contract-operations.ts';

const collection = '/contracts';
const defaultPageSize = 20;

export function registerContractRoutes(scopes: Scopes, house: Rooms): void {
  scopes.json.get(collection, declared(contractOperations.list), async (request, reply) => {
    const actor = await house.authenticate(request);
    const query = request.query as Query;
    refuseUnknownFilters(query, parameterNames(contractOperations.list));
    const page = pageOrFirst(query, defaultPageSize);
    const found = await house.doors.withTenant(actor.tenant, (tx) =>
      listUnits({ tx, actor, kind: 'customer', page: page.request }),
    );
    return sendJson(reply, {
      data: found.items.map(contractAnswer),
      meta: pageMeta(page, found.totalCount),
    });
  });

  scopes.json.get(`${collection}/:contract`, declared(contractOperations.read), async (request, reply) => {
    const actor = await house.authenticate(request);
    const { contract } = request.params as { readonly contract?: string };
    const id = idInPath<UnitId>(contract, 'Contract');
    const unit = await house.doors.withTenant(actor.tenant, (tx) =>
      getUnit({ tx, actor, id, what: 'Contract' }),
    );
    if (unit.kind !== 'customer') throw notFound('Contract');
    return sendJson(reply, { data: contractAnswer(unit), meta: {} });
  });
}

function contractAnswer(unit: Unit): Readonly<Record<string, unknown>> {
  return {
    id: unit.id,
    type: 'contract',
    links: { self: `/v2/contracts/${unit.id}` },
    attributes: { name: unit.name },
    relationships: { tenant: { data: { id: unit.parentId, type: 'tenant' } } },
  };
}
