// Operations on workspaces, declared.
import { z } from 'zod';
import {
  exampleIds,
  examplePage,
  exampleRelation,
  listShown,
  oneShown,
  relationShown,
  resourceShown,
} from '../openapi/answer-schema.ts';
import type { Operation } from '../openapi/operation.ts';
import { pageParameters } from '../query.ts';
import { newWorkspaceBody } from './workspace-body.ts';

const group = 'Workspaces';

const workspace = resourceShown(
  'workspace',
  z.strictObject({ name: z.string(), type: z.literal('full') }),
  z.strictObject({ contract: relationShown('contract') }),
).meta({ id: 'Workspace', description: 'Where secrets live. Every contract has one from the start.' });

const example = {
  id: exampleIds.workspace,
  type: 'workspace',
  links: { self: `/v2/workspaces/${exampleIds.workspace}` },
  attributes: { name: 'Sales', type: 'full' },
  relationships: { contract: exampleRelation('contract', exampleIds.contract) },
};

const list: Operation = {
  id: 'listWorkspaces',
  group,
  summary: 'List workspaces',
  about:
    'Those that the caller may see. The workspace that a contract has from the start carries its id and name.',
  query: [
    { name: 'contract_id', about: 'Only the workspaces of this contract.', isId: true },
    ...pageParameters('Workspaces on a page; 20 unless said.'),
  ],
  answer: {
    status: 200,
    about: 'One page of workspaces.',
    schema: listShown(workspace, { isAlwaysPaged: true }),
    example: { data: [example], meta: examplePage },
  },
  errors: ['not_found'],
};

const read: Operation = {
  id: 'readWorkspace',
  group,
  summary: 'Read a workspace',
  path: { workspace: 'Id of the workspace.' },
  answer: {
    status: 200,
    about: 'The workspace.',
    schema: oneShown(workspace),
    example: { data: example, meta: {} },
  },
};

const create: Operation = {
  id: 'createWorkspace',
  group,
  summary: 'Create a workspace',
  about: 'One more, in a contract.',
  body: {
    schema: newWorkspaceBody.meta({ id: 'NewWorkspace' }),
    example: {
      data: {
        type: 'workspace',
        attributes: { name: 'Sales' },
        relationships: { contract: { data: { id: exampleIds.contract, type: 'contract' } } },
      },
    },
  },
  answer: {
    status: 201,
    about: 'The new workspace.',
    schema: oneShown(workspace),
    example: { data: example, meta: {} },
    headers: { Location: 'Address of the workspace.' },
  },
  errors: ['forbidden', 'not_found'],
};

export const workspaceOperations = { list, read, create } as const;
