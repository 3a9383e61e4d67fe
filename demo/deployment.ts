// From a YAML file to an instance that waits for its trigger.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Credentials } from './customer.ts';
import type { Ask } from './graphql-client.ts';
import { packageRoot } from './latchkey-process.ts';
import { hold } from './step-failure.ts';
import type { World } from './world.ts';

export type ConnectionState = {
  readonly id: string;
  readonly key: string;
  readonly status: string | null;
  readonly reason: string | null;
  /** The newest first. */
  readonly log: readonly { readonly severity: string; readonly code: string; readonly message: string }[];
};

export async function importAndPublish(ask: Ask): Promise<{ id: string; versionNumber: number }> {
  type Imported = { importIntegration: { integration: { id: string } } };
  const definition = readFileSync(join(packageRoot(), 'demo', 'reverse-geocode.yaml'), 'utf8');
  const { importIntegration } = await ask<Imported>(
    `mutation($definition: String!) { importIntegration(input: {definition: $definition}) {
       integration { id } errors { field messages } } }`,
    { definition },
  );
  type Published = { publishIntegration: { integration: { id: string; versionNumber: number } } };
  const { publishIntegration } = await ask<Published>(
    `mutation($id: ID!) { publishIntegration(input: {id: $id, comment: "First version"}) {
       integration { id versionNumber } errors { field messages } } }`,
    { id: importIntegration.integration.id },
  );
  const { integration } = publishIntegration;
  hold(integration.versionNumber === 1, `the published version is number 1 (${integration.versionNumber})`);
  return integration;
}

export async function createInstance(
  ask: Ask,
  of: {
    readonly integration: string;
    readonly customer: string;
    readonly credentials: Credentials;
    readonly world: World;
  },
): Promise<string> {
  const { urls, accounts } = of.world.standIns;
  const values = {
    'Dropbox Connection': of.credentials.dropbox.id,
    'Google Maps Connection': of.credentials.googleMaps.id,
    'AWS Connection': of.credentials.aws.id,
    Bucket: accounts.s3.bucket,
    Region: accounts.s3.region,
    'Dropbox API': urls.dropboxApi,
    'Dropbox Content': urls.dropboxContent,
    'Google Maps': urls.googleMaps,
    'S3 Endpoint': urls.s3,
  };
  type Answer = { createInstance: { instance: { id: string; enabled: boolean; configState: string } } };
  const { createInstance: made } = await ask<Answer>(
    `mutation($integration: ID!, $customer: ID!, $configVariables: [InputInstanceConfigVariable]) {
       createInstance(input: {name: "Photos of Hooli", integration: $integration, customer: $customer,
           configVariables: $configVariables}) {
         instance { id enabled configState } errors { field messages } } }`,
    {
      integration: of.integration,
      customer: of.customer,
      configVariables: Object.entries(values).map(([key, value]) => ({ key, value })),
    },
  );
  const { instance } = made;
  hold(instance.configState === 'FULLY_CONFIGURED', `nothing is missing (${instance.configState})`);
  hold(!instance.enabled, 'a new instance is not enabled yet');
  return instance.id;
}

/** Two actions, each with its own effect; the answer is the trigger's address. */
export async function deployAndEnable(ask: Ask, id: string): Promise<string> {
  type Deployed = { deployInstance: { instance: { enabled: boolean; deployedVersion: number } } };
  const { deployInstance } = await ask<Deployed>(
    `mutation($id: ID!) { deployInstance(input: {id: $id}) {
       instance { enabled deployedVersion } errors { field messages } } }`,
    { id },
  );
  hold(deployInstance.instance.deployedVersion === 1, 'version 1 is deployed');
  type Enabled = {
    updateInstance: { instance: { enabled: boolean; flowConfigs: { nodes: { webhookUrl: string }[] } } };
  };
  const { updateInstance } = await ask<Enabled>(
    `mutation($id: ID!) { updateInstance(input: {id: $id, enabled: true}) {
       instance { enabled flowConfigs { nodes { webhookUrl } } } errors { field messages } } }`,
    { id },
  );
  const { enabled, flowConfigs } = updateInstance.instance;
  const [flow] = flowConfigs.nodes;
  hold(enabled && flow !== undefined, 'the instance is enabled and has a trigger');
  return flow.webhookUrl;
}

export async function readConnections(ask: Ask, instanceId: string): Promise<readonly ConnectionState[]> {
  type Node = {
    id: string;
    status: string | null;
    statusReason: string | null;
    requiredConfigVariable: { key: string; dataType: string };
    logs: { nodes: { severity: string; code: string; message: string }[] };
  };
  type Answer = { instance: { configVariables: { nodes: Node[] } } };
  const { instance } = await ask<Answer>(
    `query($id: ID!) { instance(id: $id) { configVariables { nodes {
       id status statusReason requiredConfigVariable { key dataType }
       logs { nodes { severity code message } } } } } }`,
    { id: instanceId },
  );
  return instance.configVariables.nodes
    .filter((node) => node.requiredConfigVariable.dataType === 'CONNECTION')
    .map((node) => ({
      id: node.id,
      key: node.requiredConfigVariable.key,
      status: node.status,
      reason: node.statusReason,
      log: node.logs.nodes,
    }));
}
