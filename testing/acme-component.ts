// A component of the organization with one OAuth connection, one with an API key and one action, stored
// without a host; and an integration that uses all of them.
import { componentDefinition } from '../src/hosts/component-definition.ts';
import { storeComponentVersion } from '../src/integrations/component.ts';
import type { UnitId } from '../src/kernel/ids.ts';
import type { Doors } from '../src/storage/doors.ts';
import type { Actor } from '../src/tenancy/actor.ts';

const definition = componentDefinition.parse({
  key: 'acme',
  public: false,
  display: { label: 'Acme', description: 'Things of Acme', category: 'Things' },
  actions: {
    list: {
      key: 'list',
      display: { label: 'List', description: 'Lists things' },
      inputs: [
        { key: 'connection', label: 'Connection', type: 'connection', required: true },
        { key: 'folder', label: 'Folder', type: 'string' },
      ],
    },
  },
  connections: [
    {
      key: 'oauth2',
      label: 'Acme OAuth',
      oauth2Type: 'authorization_code',
      inputs: [
        { key: 'authorizeUrl', type: 'string', required: true, shown: true },
        { key: 'tokenUrl', type: 'string', required: true, shown: true },
        { key: 'scopes', type: 'string', required: false, shown: true },
        { key: 'clientId', type: 'string', required: true, shown: true },
        { key: 'clientSecret', type: 'password', required: true, shown: true },
      ],
    },
    {
      key: 'apiKey',
      label: 'Acme key',
      inputs: [{ key: 'apiKey', type: 'password', required: true, shown: true }],
    },
  ],
});

export async function storeAcmeComponent(doors: Doors, actor: Actor): Promise<void> {
  await doors.withTenant(actor.tenant, (tx) =>
    storeComponentVersion({
      tx,
      actor,
      tenant: actor.tenant,
      unitId: actor.tenant as string as UnitId,
      isPublic: false,
      definition,
      bundle: Buffer.from('module.exports = {};'),
    }),
  );
}

export const acmeYaml = `
definitionVersion: 7
name: Things
description: Moves things
category: Moving
labels: [one, two]
requiredConfigVars:
  - key: Acme Connection
    stableKey: acme-connection
    dataType: connection
    connection: { component: { key: acme, isPublic: false, version: LATEST }, key: oauth2 }
  - key: Key Connection
    stableKey: key-connection
    dataType: connection
    required: false
    connection: { component: { key: acme, isPublic: false, version: LATEST }, key: apiKey }
  - key: Folder
    stableKey: folder
    description: Where the things are
    dataType: string
    defaultValue: /things
  - key: Ours
    stableKey: ours
    dataType: string
    orgOnly: true
    required: false
    defaultValue: only-for-us
flows:
  - name: Move
    stableKey: move
    description: Moves them
    isSynchronous: false
    endpointSecurityType: unsecured
    steps:
      - name: On Call
        isTrigger: true
        action: { component: { key: webhook-triggers, isPublic: true, version: LATEST }, key: webhook }
      - name: List Things
        action: { component: { key: acme, isPublic: false, version: LATEST }, key: list }
        inputs:
          connection: { type: configVar, value: Acme Connection }
          folder: { type: configVar, value: Folder }
`;
