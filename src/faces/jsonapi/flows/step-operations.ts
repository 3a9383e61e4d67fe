// What the runtime of a component asks when its process starts and ends, declared.
import { z } from 'zod';
import { exampleIds } from '../openapi/answer-schema.ts';
import type { Operation } from '../openapi/operation.ts';
import { startupBody } from './startup-body.ts';

const group = 'Runtime of components';
const flow = 'Id of the flow: `ELASTICIO_FLOW_ID`.';
const freeObject = z.looseObject({});

const readStep: Operation = {
  id: 'readStep',
  group,
  summary: 'Read how a step is configured',
  about:
    'The one call of a sailor at its start. `config` is what the flow says, with `secretId` where the step has a secret: its values are read under their own address, when they are needed. A step with older credentials gets their keys, and `_account`, in the configuration itself.',
  path: { flow, step: 'Id of the step in the graph: `ELASTICIO_STEP_ID`.' },
  answer: {
    status: 200,
    about: 'The step.',
    schema: z
      .strictObject({
        config: freeObject,
        snapshot: z.strictObject({}).meta({ description: 'Always empty: snapshots are not kept here.' }),
        is_passthrough: z.boolean(),
        variables: z.strictObject({}).meta({ description: 'Always empty: there are none here.' }),
      })
      .meta({ id: 'Step' }),
    example: {
      config: { pageSize: 100, secretId: exampleIds.secret },
      snapshot: {},
      is_passthrough: true,
      variables: {},
    },
  },
  errors: ['forbidden', 'conflict'],
};

const path = { flow };
const data = startupBody.meta({ id: 'StartupData', description: 'Whatever the component wants back.' });
const example = { subscriptionId: 'sub-1' };

const keepStartup: Operation = {
  id: 'keepStartupData',
  group,
  summary: 'Keep what the startup hook of a component returned',
  about:
    'Refused while older data are there. An `error` beside `errors` says the same for clients that read it.',
  path,
  body: { schema: data, example },
  answer: { status: 201, about: 'As it is kept.', schema: data, example },
  errors: ['forbidden', 'conflict'],
};

const readStartup: Operation = {
  id: 'readStartupData',
  group,
  summary: 'Read the startup data',
  path,
  answer: { status: 200, about: 'As they were kept.', schema: data, example },
  errors: ['forbidden'],
};

const forgetStartup: Operation = {
  id: 'deleteStartupData',
  group,
  summary: 'Delete the startup data',
  path,
  answer: { status: 204, about: 'There are none any more.', schema: null },
  errors: ['forbidden'],
};

export const stepOperations = { readStep, keepStartup, readStartup, forgetStartup } as const;
