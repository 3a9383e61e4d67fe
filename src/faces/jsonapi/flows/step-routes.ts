// Routes that the runtime of a component calls: its step at the start, and what its startup hook leaves.
import { forgetStartup, keepStartup, readStartup } from '../../../integrations/flow-startup.ts';
import { getOutsideFlow, type OutsideFlow } from '../../../integrations/outside-flow.ts';
import { Fault, isFault } from '../../../kernel/fault.ts';
import type { CredentialId } from '../../../kernel/ids.ts';
import { type Actor, requirePermission } from '../../../tenancy/actor.ts';
import { errorBody, jsonType } from '../error-answer.ts';
import { type Keys, keysOf } from '../legacy/legacy-keys.ts';
import { declared, type Operation } from '../openapi/operation.ts';
import { readBody } from '../read-input.ts';
import type { Rooms } from '../rooms.ts';
import { type Scopes, sendJson } from '../route.ts';
import { readSecret, recordReads } from '../secrets/read-secret.ts';
import type { FlowNode } from './flow-body.ts';
import { documentOf, isPassthrough, stepOf } from './flow-document.ts';
import { flowIdIn } from './flow-routes.ts';
import { startupBody } from './startup-body.ts';
import { stepOperations } from './step-operations.ts';

export function registerStepRoutes(scopes: Scopes, house: Rooms): void {
  const { vault } = house;
  scopes.json.get('/tasks/:flow/steps/:step', declared(stepOperations.readStep), async (request, reply) => {
    const actor = await house.authenticate(request);
    const id = flowIdIn(request);
    const flow = await house.doors.withTenant(actor.tenant, (tx) => getOutsideFlow({ tx, vault, actor, id }));
    const document = documentOf(flow);
    const step = stepOf(document, (request.params as { readonly step?: string }).step);
    return sendJson(reply, {
      config: await configOf(house, actor, flow, step),
      snapshot: {},
      is_passthrough: isPassthrough(document, step.id),
      variables: {},
    });
  });
}

/** A secret by its id, so that every read of it is a fresh one; older credentials with their values, as it was then. */
async function configOf(house: Rooms, actor: Actor, flow: OutsideFlow, step: FlowNode): Promise<Keys> {
  const { fields, secret_id: secretId, credentials_id: account } = step;
  return {
    ...fields,
    ...(account == null ? {} : await keysFor(house, actor, flow, account as CredentialId)),
    ...(secretId == null ? {} : { secretId }),
  };
}

async function keysFor(house: Rooms, actor: Actor, flow: OutsideFlow, id: CredentialId): Promise<Keys> {
  const workspace = { id: flow.unitId, path: flow.unitPath };
  requirePermission(actor, 'credential.reveal', workspace.path);
  try {
    const { reading } = await readSecret(house, { actor, workspace, id }, null);
    await recordReads(house, actor, [reading]);
    return { ...keysOf(reading), _account: id };
  } catch (error) {
    if (!isFault(error, 'not_found')) throw error;
    throw new Fault(
      'conflict',
      `The step uses the credential ${id}, which is not in this workspace any more.`,
      {
        cure: 'Give the step another one.',
      },
    );
  }
}

const startup = '/hooks/task/:flow/startup/data';

export function registerStartupRoutes(scopes: Scopes, house: Rooms): void {
  scopes.json.post(startup, declaredHere(stepOperations.keepStartup), async (request, reply) => {
    const actor = await house.authenticate(request);
    const id = flowIdIn(request);
    const data = readBody(startupBody, request.body ?? {});
    const { vault } = house;
    await house.doors.withTenant(actor.tenant, (tx) => keepStartup({ tx, vault, actor, id, data }));
    return sendJson(reply.code(201), data);
  });

  scopes.json.get(startup, declaredHere(stepOperations.readStartup), async (request, reply) => {
    const actor = await house.authenticate(request);
    const id = flowIdIn(request);
    const { vault } = house;
    const data = await house.doors.withTenant(actor.tenant, (tx) => readStartup({ tx, vault, actor, id }));
    return sendJson(reply, data);
  });

  scopes.bodiless.delete(startup, declaredHere(stepOperations.forgetStartup), async (request, reply) => {
    const actor = await house.authenticate(request);
    const id = flowIdIn(request);
    const { vault } = house;
    await house.doors.withTenant(actor.tenant, (tx) => forgetStartup({ tx, vault, actor, id }));
    return reply.code(204).send();
  });
}

/** The runtime makes its error of the member `error` here, and of nothing else. */
function declaredHere(operation: Operation) {
  const { config } = declared(operation);
  const errorDialect: typeof config.errorDialect = (fault, request) => ({
    type: jsonType,
    body: { ...errorBody(fault, request), error: fault.public },
  });
  return { config: { ...config, errorDialect } } as const;
}
