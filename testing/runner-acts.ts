// What people and callers do in tests of the runner: publish, configure, deploy, enter credentials, call.
import type { Emulator } from '../providers/emulator.ts';
import { getBuiltinType } from '../src/credentials/connection-type.ts';
import { createCredential } from '../src/credentials/create-credential.ts';
import type { Credential } from '../src/credentials/credential.ts';
import { deployInstance } from '../src/integrations/deploy.ts';
import { createInstance, type Instance } from '../src/integrations/instance.ts';
import type { Setting } from '../src/integrations/instance-binding.ts';
import { updateInstance } from '../src/integrations/instance-update.ts';
import { type Integration, importIntegration } from '../src/integrations/integration.ts';
import { publishIntegration } from '../src/integrations/publish.ts';
import type { IntegrationId, UnitId } from '../src/kernel/ids.ts';
import { Plain } from '../src/kernel/plain.ts';
import { type Invoked, invokeTest, invokeTrigger } from '../src/runner/invoke.ts';
import { emptyPayload, type Payload } from '../src/runner/payload.ts';
import { connectAccount, createOAuthCredential } from './connect-account.ts';
import type { TestHouse, TestTenant } from './test-house.ts';

/** The one key, beside living tokens, that the trial service takes. */
export const serviceKey = 'planted-service-key-4711';

export type PublishOptions = { readonly at?: TestTenant; readonly integrationId?: IntegrationId };
export type InstanceOptions = {
  readonly at?: TestTenant;
  readonly settings?: readonly Setting[];
  /** False leaves it configured only. */
  readonly isLive?: boolean;
};
export type CredentialOptions = { readonly at?: TestTenant; readonly unitId?: UnitId; readonly key?: string };
export type TriggerOptions = {
  readonly flowKey?: string;
  readonly payload?: Partial<Payload>;
  readonly apiKey?: string;
};

export type Acts = {
  readonly publish: (yaml: string, options?: PublishOptions) => Promise<Integration>;
  readonly instanceOf: (integration: Integration, options?: InstanceOptions) => Promise<Instance>;
  readonly deploy: (instance: Instance) => Promise<Instance>;
  readonly change: (
    instance: Instance,
    change: Parameters<typeof updateInstance>[0]['change'],
  ) => Promise<Instance>;
  readonly apiKeyCredential: (options?: CredentialOptions) => Promise<Credential>;
  readonly oauthCredential: (options?: {
    readonly expiresInSeconds?: number;
  }) => Promise<{ readonly credential: Credential; readonly accessToken: string }>;
  readonly trigger: (instance: Instance, options?: TriggerOptions) => Promise<Invoked>;
  readonly test: (instance: Instance, payload?: Partial<Payload>) => Promise<Invoked>;
};

export function actsOf(house: TestHouse, emulator: Emulator): Acts {
  return { ...configureActs(house), ...runActs(house, emulator) };
}

function configureActs(house: TestHouse) {
  const { doors, vault } = house;
  const publish: Acts['publish'] = async (yaml, { at = house, integrationId } = {}) =>
    await doors.withTenant(at.tenant, async (tx) => {
      const actor = at.owner;
      const source = { yaml };
      const draft = await importIntegration({
        tx,
        vault,
        actor,
        source,
        integrationId: integrationId ?? null,
      });
      await publishIntegration({ tx, vault, actor, integrationId: draft.id });
      return draft;
    });
  const deploy: Acts['deploy'] = (instance) =>
    doors.withTenant(instance.tenantId, (tx) => deployInstance({ tx, actor: house.owner, id: instance.id }));
  const change: Acts['change'] = (instance, wanted) =>
    doors.withTenant(instance.tenantId, (tx) =>
      updateInstance({ tx, actor: house.owner, id: instance.id, change: wanted }),
    );
  const instanceOf: Acts['instanceOf'] = async (
    integration,
    { at = house, settings = [], isLive = true } = {},
  ) => {
    const made = await doors.withTenant(at.tenant, (tx) =>
      createInstance({
        tx,
        actor: at.owner,
        customerId: at.customer.id,
        integrationId: integration.id,
        name: 'Instance',
        settings,
      }),
    );
    if (!isLive) return made;
    return await doors.withTenant(at.tenant, async (tx) => {
      await deployInstance({ tx, actor: at.owner, id: made.id });
      return await updateInstance({ tx, actor: at.owner, id: made.id, change: { isEnabled: true } });
    });
  };
  return { publish, deploy, change, instanceOf };
}

function runActs(house: TestHouse, emulator: Emulator) {
  const { doors, vault } = house;
  const apiKeyCredential: Acts['apiKeyCredential'] = async ({ at = house, unitId, key = serviceKey } = {}) =>
    await doors.withTenant(at.tenant, async (tx) =>
      createCredential({
        tx,
        vault,
        actor: at.owner,
        unitId: unitId ?? at.customer.id,
        label: `Key ${Math.random()}`,
        type: await getBuiltinType(tx, 'api_key'),
        values: new Map([['api_key', Plain.fromText(key)]]),
      }),
    );
  const oauthCredential: Acts['oauthCredential'] = async ({ expiresInSeconds = 3600 } = {}) => {
    const credential = await createOAuthCredential(house, emulator, { label: `OAuth ${Math.random()}` });
    const timing = { expiresInSeconds, dueInSeconds: expiresInSeconds };
    return { credential, ...(await connectAccount(house, emulator, credential, timing)) };
  };
  const flowOf = (instance: Instance, flowKey?: string) => {
    const flow = instance.flows.find((one) => flowKey === undefined || one.flowKey === flowKey);
    if (flow === undefined) throw new Error('no such flow');
    return flow;
  };
  const trigger: Acts['trigger'] = (instance, { flowKey, payload, apiKey } = {}) =>
    doors.withTenant(instance.tenantId, (tx) =>
      invokeTrigger({
        tx,
        vault,
        tenant: instance.tenantId,
        flowId: flowOf(instance, flowKey).id,
        payload: { ...emptyPayload, ...payload },
        apiKey: apiKey ?? null,
      }),
    );
  const test: Acts['test'] = (instance, payload) =>
    doors.withTenant(instance.tenantId, (tx) =>
      invokeTest({
        tx,
        vault,
        actor: house.owner,
        flowId: flowOf(instance).id,
        payload: { ...emptyPayload, ...payload },
      }),
    );
  return { apiKeyCredential, oauthCredential, trigger, test };
}
