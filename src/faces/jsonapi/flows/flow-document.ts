// A flow in the words of this dialect, inside the record of the house.

import type { OutsideFlow } from '../../../integrations/outside-flow.ts';
import { invalidField, notFound } from '../../../kernel/fault.ts';
import { type CredentialId, isUuid } from '../../../kernel/ids.ts';
import type { FlowAttributes, FlowDocument, FlowNode } from './flow-body.ts';

const graphField = 'data.attributes.graph';

export function documentOf(flow: Pick<OutsideFlow, 'document'>): FlowDocument {
  // Written by `documentFrom` alone.
  return flow.document as FlowDocument;
}

export function documentFrom(given: FlowAttributes, before: FlowDocument | null): FlowDocument {
  const document = { ...before } as { -readonly [K in keyof FlowDocument]: FlowDocument[K] };
  if (given.graph !== undefined) document.graph = given.graph;
  if (given.nodes_config !== undefined) document.nodes_config = given.nodes_config;
  if (given.cron !== undefined) document.cron = given.cron;
  if (given.default_mapper_type !== undefined) document.default_mapper_type = given.default_mapper_type;
  refuseTwins(document.graph.nodes);
  return document;
}

function refuseTwins(nodes: readonly FlowNode[]): void {
  const known = new Set<string>();
  for (const [index, { id }] of nodes.entries()) {
    if (known.has(id)) {
      throw invalidField(`${graphField}.nodes.${index}.id`, 'is the id of another step, too.', 'Change one.');
    }
    known.add(id);
  }
}

/** The credentials that steps name, each once. */
export function credentialIdsIn({ graph }: FlowDocument): readonly CredentialId[] {
  const ids = new Set<CredentialId>();
  for (const [index, node] of graph.nodes.entries()) {
    for (const key of ['secret_id', 'credentials_id'] as const) {
      const id = node[key] ?? null;
      if (id === null) continue;
      if (!isUuid(id)) throw notFound('Secret', `${graphField}.nodes.${index}.${key}`);
      ids.add(id as CredentialId);
    }
  }
  return [...ids];
}

export function stepOf(document: FlowDocument, id: string | undefined): FlowNode {
  const node = document.graph.nodes.find((candidate) => candidate.id === id);
  if (node === undefined) throw notFound('Step');
  return node;
}

/** Steps hand on what came before them unless that is switched off, as the vendor's do. */
export function isPassthrough({ nodes_config: configs }: FlowDocument, id: string): boolean {
  const config = configs != null && Object.hasOwn(configs, id) ? configs[id] : undefined;
  return config?.passthrough?.disabled !== true;
}
