// Bodies of requests that make or change a flow. What only the outside runs is kept as it comes; what is looked at here
// is which steps there are, and which secret each uses.
import { z } from 'zod';
import { echoed, relationTo, resourceBody } from '../resource.ts';

const freeText = z.string().max(1_000);
const anything = z.record(z.string().max(200), z.json());
const stepId = z.string().regex(/^[A-Za-z0-9_.:-]{1,100}$/, 'is not the id of a step.');
/** An id of another shape is of another server: it names nothing here. */
const credentialId = z.string().max(200).nullable().optional();

const node = z.looseObject({
  id: stepId,
  command: z.string().max(500).meta({ description: '`team/component:action@version`.' }),
  component_id: freeText.nullable().optional(),
  name: freeText.nullable().optional(),
  fields: anything
    .nullable()
    .optional()
    .meta({ description: "The step's configuration, as its component wants it." }),
  secret_id: credentialId.meta({
    description: 'A secret of the workspace; `secretId` in the configuration.',
  }),
  credentials_id: credentialId.meta({ description: 'As components before secrets want it, with its keys.' }),
});

const graph = z.strictObject({
  nodes: z.array(node).max(500),
  edges: z
    .array(z.looseObject({ source: stepId, target: stepId }))
    .max(5_000)
    .optional(),
});

const nodeConfig = z.looseObject({
  passthrough: z.looseObject({ disabled: z.boolean().optional() }).optional(),
});

const writable = {
  name: z.string().max(1_000),
  description: z.string().max(10_000).nullable().optional(),
  type: z.enum(['ordinary', 'long_running']).optional(),
  graph,
  nodes_config: z.record(z.string().max(100), nodeConfig).nullable().optional(),
  cron: freeText.nullable().optional(),
  default_mapper_type: freeText.nullable().optional(),
};

// What an answer of either server holds beside that.
const flowAttributes = z.strictObject({
  ...writable,
  api_version: echoed,
  created_at: echoed,
  current_status: echoed,
  due_execution: echoed,
  last_modified: echoed,
  last_start_time: echoed,
  last_stop_time: echoed,
  status: echoed,
  updated_at: echoed,
});

const others = { user: echoed, versions: echoed, latest_version: echoed };

export const newFlowBody = resourceBody(
  'flow',
  flowAttributes,
  z.strictObject({ workspace: relationTo('workspace'), ...others }),
);
const changedAttributes = flowAttributes.partial();
export const changedFlowBody = resourceBody(
  'flow',
  changedAttributes.optional(),
  z.strictObject({ workspace: relationTo('workspace').optional(), ...others }).optional(),
);

const documentSchema = z.object(writable).omit({ name: true, description: true, type: true });

/** What is kept of a flow in the words of this dialect, and read back from the database. */
export type FlowDocument = z.infer<typeof documentSchema>;
export type FlowNode = z.infer<typeof node>;
export type FlowAttributes = z.infer<typeof changedAttributes>;
