// A flow as this dialect shows it.
import type { OutsideFlow } from '../../../integrations/outside-flow.ts';
import { documentOf } from './flow-document.ts';

export function flowAnswer(flow: OutsideFlow): Readonly<Record<string, unknown>> {
  const { id, unitId, createdBy } = flow;
  // What was asked for and what is, are the same at once: no process is started here that could take its time.
  const status = flow.isStarted ? 'active' : 'inactive';
  return {
    id,
    type: 'flow',
    links: { self: `/v2/flows/${id}` },
    attributes: {
      name: flow.name,
      description: flow.description,
      type: flow.kind,
      status,
      current_status: status,
      ...documentOf(flow),
      created_at: flow.createdAt,
      updated_at: flow.updatedAt,
      last_modified: flow.updatedAt,
      ...(flow.startedAt === null ? {} : { last_start_time: flow.startedAt }),
      ...(flow.stoppedAt === null ? {} : { last_stop_time: flow.stoppedAt }),
    },
    relationships: {
      workspace: { data: { id: unitId, type: 'workspace' }, links: { self: `/v2/workspaces/${unitId}` } },
      ...(createdBy === null
        ? {}
        : { user: { data: { id: createdBy, type: 'user' }, links: { self: `/v2/users/${createdBy}` } } }),
    },
  };
}
