// Operations on flows, declared.
import { z } from 'zod';
import {
  answeredTime,
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
import { changedFlowBody, newFlowBody } from './flow-body.ts';

const group = 'Flows';
const statuses = z.enum(['active', 'inactive']);
const freeObject = z.looseObject({});

const flow = resourceShown(
  'flow',
  z.strictObject({
    name: z.string(),
    description: z.string(),
    type: z.enum(['ordinary', 'long_running']),
    status: statuses,
    current_status: statuses,
    graph: z.strictObject({
      nodes: z.array(z.looseObject({ id: z.string(), command: z.string() })),
      edges: z.array(freeObject).optional(),
    }),
    nodes_config: freeObject.nullable().optional(),
    cron: z.string().nullable().optional(),
    default_mapper_type: z.string().nullable().optional(),
    created_at: answeredTime,
    updated_at: answeredTime,
    last_modified: answeredTime,
    last_start_time: answeredTime.optional(),
    last_stop_time: answeredTime.optional(),
  }),
  z.strictObject({ workspace: relationShown('workspace'), user: relationShown('user').optional() }),
).meta({
  id: 'Flow',
  description:
    'Steps that run elsewhere and ask here for their configuration. `active` means that its secrets are in use; nothing is run here.',
});

const exampleGraph = {
  nodes: [
    {
      id: 'step_1',
      command: 'my-team/crm:getContacts@latest',
      component_id: 'crm-component',
      fields: { pageSize: 100 },
      secret_id: exampleIds.secret,
    },
  ],
  edges: [],
};
const example = {
  id: exampleIds.flow,
  type: 'flow',
  links: { self: `/v2/flows/${exampleIds.flow}` },
  attributes: {
    name: 'Contacts',
    description: '',
    type: 'ordinary',
    status: 'inactive',
    current_status: 'inactive',
    graph: exampleGraph,
    created_at: '2030-01-31T12:00:00.000Z',
    updated_at: '2030-01-31T12:00:00.000Z',
    last_modified: '2030-01-31T12:00:00.000Z',
  },
  relationships: {
    workspace: exampleRelation('workspace', exampleIds.workspace),
    user: exampleRelation('user', exampleIds.user),
  },
};
const answer = { schema: oneShown(flow), example: { data: example, meta: {} } };
const path = { flow: 'Id of the flow.' };

export const flowWorkspace = 'workspace_id';

const list: Operation = {
  id: 'listFlows',
  group,
  summary: 'List flows',
  query: [
    {
      name: flowWorkspace,
      about: 'Of this workspace, or of this contract, which has one. Needed.',
      isId: true,
    },
    { name: 'filter[status]', about: '`active` or `inactive`.' },
    { name: 'filter[type]', about: '`ordinary` or `long_running`.' },
    { name: 'filter[user]', about: 'Only those that this user has made.', isId: true },
    { name: 'search', about: 'Part of the name or of the description.' },
    {
      name: 'sort',
      about: '`created_at`, which is the default, `updated_at` or `name`; with `-`, the last first.',
    },
    ...pageParameters('Flows on a page; 50 unless said.'),
  ],
  answer: {
    status: 200,
    about: 'One page of flows.',
    schema: listShown(flow, { isAlwaysPaged: true }),
    example: { data: [example], meta: { ...examplePage, per_page: 50 } },
  },
  errors: ['not_found'],
};

const read: Operation = {
  id: 'readFlow',
  group,
  summary: 'Read a flow',
  path,
  answer: { status: 200, about: 'The flow.', ...answer },
};

const create: Operation = {
  id: 'createFlow',
  group,
  summary: 'Create a flow',
  about:
    'As elastic.io answers it, with the ids of secrets here. `secret_id` and `credentials_id` name secrets of the same workspace.',
  body: {
    schema: newFlowBody.meta({ id: 'NewFlow' }),
    example: {
      data: {
        type: 'flow',
        attributes: { name: 'Contacts', type: 'ordinary', graph: exampleGraph },
        relationships: { workspace: { data: { id: exampleIds.workspace, type: 'workspace' } } },
      },
    },
  },
  answer: {
    status: 201,
    about: 'The new flow, not started.',
    ...answer,
    headers: { Location: 'Address of the flow.' },
  },
  errors: ['forbidden', 'not_found', 'conflict'],
};

const change: Operation = {
  id: 'changeFlow',
  group,
  summary: 'Change a flow',
  about: 'What is left out stays. Refused while the flow is started.',
  path,
  body: {
    schema: changedFlowBody.meta({ id: 'ChangedFlow' }),
    example: { data: { type: 'flow', attributes: { name: 'All contacts' } } },
  },
  answer: { status: 200, about: 'The flow as it is now.', ...answer },
  errors: ['forbidden', 'conflict'],
};

const remove: Operation = {
  id: 'deleteFlow',
  group,
  summary: 'Delete a flow',
  about: 'Refused while the flow is started. Its secrets stay.',
  path,
  answer: { status: 204, about: 'It is gone.', schema: null },
  errors: ['forbidden', 'conflict'],
};

const start: Operation = {
  id: 'startFlow',
  group,
  summary: 'Start a flow',
  about:
    'Nothing is run here: start its processes where they live. From now on its secrets cannot be deleted. Starting twice is starting once.',
  path,
  answer: { status: 202, about: 'The flow, started.', ...answer },
  errors: ['forbidden', 'conflict'],
};

const stop: Operation = {
  id: 'stopFlow',
  group,
  summary: 'Stop a flow',
  about: 'Nothing is ended here: end its processes where they live.',
  path,
  answer: { status: 202, about: 'The flow, stopped.', ...answer },
  errors: ['forbidden'],
};

export const flowOperations = { list, read, create, change, remove, start, stop } as const;
