// Finds what a definition refers to: components, their actions and connections. Everything that is missing is told at
// once, with its path in the file.
import type { ConnectionType } from '../credentials/connection-type.ts';
import type { Tx } from '../storage/doors.ts';
import { type ComponentVersion, connectionTypesOf, findComponentVersion } from './component.ts';
import type { ComponentRef, ConnectionVariable, Definition, Step } from './definition.ts';
import { named, type Problems, under } from './problems.ts';

/** The trigger that the server itself answers for; a flow starts when its address is called. */
const webhook = { component: 'webhook-triggers', key: 'webhook' } as const;

export type ComponentLookup = {
  readonly find: (ref: ComponentRef) => Promise<ComponentVersion | null>;
  readonly typeOf: (source: ComponentSource) => Promise<ConnectionType | null>;
};

type ComponentSource = Extract<ConnectionVariable['source'], { readonly kind: 'component' }>;

/** Asks the store once per reference. */
export function createComponentLookup(tx: Tx): ComponentLookup {
  const versions = new Map<string, Promise<ComponentVersion | null>>();
  const types = new Map<string, Promise<readonly ConnectionType[]>>();
  const find: ComponentLookup['find'] = async (ref) => {
    const key = JSON.stringify(ref);
    const known = versions.get(key) ?? findComponentVersion(tx, ref);
    versions.set(key, known);
    return await known;
  };
  return {
    find,
    typeOf: async (source) => {
      const version = await find(source.component);
      if (version === null) return null;
      const known = types.get(version.id) ?? connectionTypesOf(tx, version);
      types.set(version.id, known);
      return (await known).find((type) => type.key === source.connectionKey) ?? null;
    },
  };
}

export async function checkComponents(
  definition: Definition,
  lookup: ComponentLookup,
  problems: Problems,
): Promise<void> {
  for (const [index, variable] of definition.configVariables.entries()) {
    if (variable.kind !== 'connection' || variable.source.kind !== 'component') continue;
    await checkSource(variable.source, `requiredConfigVars[${index}].connection`, lookup, problems);
  }
  for (const [flowIndex, flow] of definition.flows.entries()) {
    for (const [index, step] of flow.steps.entries()) {
      const path = `flows[${flowIndex}].steps[${index}].action`;
      if (step.isTrigger) checkTrigger(step, path, problems);
      else await checkAction(step, path, lookup, problems);
    }
  }
}

async function checkSource(
  source: ComponentSource,
  path: string,
  lookup: ComponentLookup,
  problems: Problems,
): Promise<void> {
  const version = await lookup.find(source.component);
  if (version === null) return missing(source.component, under(path, 'component'), problems);
  if ((await lookup.typeOf(source)) !== null) return;
  const known = version.definition.connections.map((connection) => connection.key);
  problems.add(
    under(path, 'key'),
    `${named(version.key)} has no connection ${named(source.connectionKey)}.`,
    known.length === 0 ? 'It has none at all.' : `It has: ${known.join(', ')}.`,
  );
}

function checkTrigger({ action }: Step, path: string, problems: Problems): void {
  if (action.component.key === webhook.component && action.key === webhook.key) return;
  problems.add(
    path,
    `the trigger ${named(`${action.component.key}/${action.key}`)} is not run by this version.`,
    `Start the flow with ${webhook.component}/${webhook.key}.`,
  );
}

async function checkAction(
  { action }: Step,
  path: string,
  lookup: ComponentLookup,
  problems: Problems,
): Promise<void> {
  const version = await lookup.find(action.component);
  if (version === null) return missing(action.component, under(path, 'component'), problems);
  if (actionOf(version, action.key) !== null) return;
  const known = Object.keys(version.definition.actions);
  problems.add(
    under(path, 'key'),
    `${named(version.key)} has no action ${named(action.key)}.`,
    known.length === 0 ? 'It has none at all.' : `It has: ${known.slice(0, 50).join(', ')}.`,
  );
}

export type ComponentAction = ComponentVersion['definition']['actions'][string];

export function actionOf(version: ComponentVersion, key: string): ComponentAction | null {
  const { actions } = version.definition;
  const direct = Object.hasOwn(actions, key) ? actions[key] : undefined;
  return direct ?? Object.values(actions).find((action) => action.key === key) ?? null;
}

function missing(ref: ComponentRef, path: string, problems: Problems): void {
  const { version } = ref;
  const wanted =
    version.kind === 'latest'
      ? ''
      : version.kind === 'number'
        ? ` in version ${version.versionNo}`
        : ' with this signature';
  problems.add(
    path,
    `there is no ${ref.isPublic ? 'public ' : ''}component ${named(ref.key)}${wanted}.`,
    ref.isPublic
      ? 'Correct the key or the version, or set isPublic: false for a component of your organization.'
      : 'Publish it first, or set isPublic: true for a component of the installation.',
  );
}
