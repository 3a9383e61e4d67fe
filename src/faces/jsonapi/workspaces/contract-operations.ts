// Operations on contracts, declared.
import { z } from 'zod';
import {
  exampleIds,
  examplePage,
  listShown,
  oneShown,
  relationShown,
  resourceShown,
} from '../openapi/answer-schema.ts';
import type { Operation } from '../openapi/operation.ts';
import { pageParameters } from '../query.ts';

const group = 'Contracts';

const contract = resourceShown(
  'contract',
  z.strictObject({ name: z.string() }),
  z.strictObject({ tenant: relationShown('tenant') }),
).meta({ id: 'Contract', description: 'A customer of the organization.' });

const example = {
  id: exampleIds.contract,
  type: 'contract',
  links: { self: `/v2/contracts/${exampleIds.contract}` },
  attributes: { name: 'Hooli' },
  relationships: { tenant: { data: { id: exampleIds.tenant, type: 'tenant' } } },
};

const list: Operation = {
  id: 'listContracts',
  group,
  summary: 'List contracts',
  about: 'The customers that the caller may see.',
  query: pageParameters('Contracts on a page; 20 unless said.'),
  answer: {
    status: 200,
    about: 'One page of contracts.',
    schema: listShown(contract, { isAlwaysPaged: true }),
    example: { data: [example], meta: examplePage },
  },
};

const read: Operation = {
  id: 'readContract',
  group,
  summary: 'Read a contract',
  path: { contract: 'Id of the contract.' },
  answer: {
    status: 200,
    about: 'The contract.',
    schema: oneShown(contract),
    example: { data: example, meta: {} },
  },
};

export const contractOperations = { list, read } as const;
