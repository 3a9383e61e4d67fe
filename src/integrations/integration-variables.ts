// The config variables of a version, as the connections room keeps them: types and templates looked up, defaults apart
// from the definition so that they are sealed.

import type { NewConfigVariable } from '../connections/config-variable.ts';
import { selectTemplateByName, type TemplateId } from '../connections/template-store.ts';
import {
  type ConnectionType,
  type ConnectionTypeId,
  getBuiltinType,
  getConnectionType,
} from '../credentials/connection-type.ts';
import { isFault } from '../kernel/fault.ts';
import type { UnitId } from '../kernel/ids.ts';
import { Plain } from '../kernel/plain.ts';
import type { Tx } from '../storage/doors.ts';
import type { ComponentLookup } from './component-lookup.ts';
import {
  type ConfigVariable,
  type ConnectionField,
  type ConnectionVariable,
  type Definition,
  levelOf,
} from './definition.ts';
import { named, type Problems, under } from './problems.ts';
import { selectSharedVariable } from './version-store.ts';
import { type IsSecretField, isSecretByName } from './without-secrets.ts';

/** Secret defaults that a file without secrets must not erase, by stable key and field. */
export type KeptDefaults = ReadonlyMap<string, ReadonlyMap<string, Plain>>;

export type BuiltVariables = {
  readonly variables: readonly NewConfigVariable[];
  readonly isSecret: IsSecretField;
  readonly templateIds: readonly TemplateId[];
};

type Build = {
  readonly tx: Tx;
  readonly definition: Definition;
  readonly lookup: ComponentLookup;
  readonly problems: Problems;
  /** Of the integration's unit, up to the organization. */
  readonly unitPath: readonly UnitId[];
  readonly kept: KeptDefaults;
};

export async function buildVariables(build: Build): Promise<BuiltVariables> {
  const variables: NewConfigVariable[] = [];
  const types = new Map<string, ConnectionType>();
  for (const [index, variable] of build.definition.configVariables.entries()) {
    const path = `requiredConfigVars[${index}]`;
    const common = commonOf(build.definition, variable);
    if (variable.kind === 'value') {
      variables.push({ ...common, ...nothingConnected, dataType: variable.dataType, fields: [] });
      continue;
    }
    const target = await targetOf(build, variable, path);
    if (target.type !== null) types.set(variable.key, target.type);
    variables.push({
      ...common,
      dataType: variable.source.kind === 'credential' ? 'credential' : 'connection',
      connectionType: target.type === null ? null : { tenantId: target.type.tenantId, id: target.type.id },
      templateId: target.templateId,
      sharedVariableId: target.sharedVariableId,
      redirects: variable.redirects,
      fields: fieldsOf(build, variable, target.type, path),
    });
  }
  const isSecret: IsSecretField = (variable, field) => {
    const declared = types.get(variable.key)?.fields.find((candidate) => candidate.key === field.key);
    return declared?.secret ?? isSecretByName(variable, field);
  };
  const templateIds = variables.map((variable) => variable.templateId).filter((id) => id !== null);
  return { variables, isSecret, templateIds: [...new Set(templateIds)] as TemplateId[] };
}

const nothingConnected = {
  connectionType: null,
  templateId: null,
  sharedVariableId: null,
  redirects: { success: null, failure: null },
} as const;

function commonOf(definition: Definition, variable: ConfigVariable) {
  return {
    key: variable.key,
    stableKey: variable.stableKey,
    level: levelOf(definition, variable.key),
    isRequired: variable.isRequired,
    isOrgOnly: variable.orgOnly,
  };
}

type Target = {
  readonly type: ConnectionType | null;
  readonly templateId: string | null;
  readonly sharedVariableId: string | null;
};

async function targetOf(build: Build, variable: ConnectionVariable, path: string): Promise<Target> {
  const { tx, lookup, problems } = build;
  const { source } = variable;
  const none = { type: null, templateId: null, sharedVariableId: null };
  switch (source.kind) {
    case 'component': {
      const type = await lookup.typeOf(source);
      const templateId =
        source.template === null || type === null
          ? null
          : await templateOf(build, source.template, type, under(under(path, 'connection'), 'template'));
      return { ...none, type, templateId };
    }
    case 'shared': {
      const held = await selectSharedVariable(tx, source.stableKey);
      if (held === null) {
        problems.add(
          under(path, 'useScopedConfigVar'),
          `there is no shared connection ${named(source.stableKey)}.`,
          'Create it at the organization first.',
        );
        return none;
      }
      const type = await getConnectionType(tx, {
        tenantId: held.typeTenantId,
        id: held.typeId as ConnectionTypeId,
      });
      return { ...none, type, sharedVariableId: held.id };
    }
    case 'credential': {
      const [only, ...others] = source.connectionTypes;
      // Several, or none at all: any of them fits, and what is bound is compared with the list.
      if (only === undefined || others.length > 0) return none;
      return { ...none, type: await builtinOrNull(tx, only) };
    }
  }
}

/** Of the methods that the file format knows, one has no built-in type of ours. */
async function builtinOrNull(tx: Tx, key: string): Promise<ConnectionType | null> {
  try {
    return await getBuiltinType(tx, key);
  } catch (error) {
    if (isFault(error, 'invalid_field')) return null;
    throw error;
  }
}

async function templateOf(
  build: Build,
  name: string,
  type: ConnectionType,
  path: string,
): Promise<string | null> {
  const template = await selectTemplateByName(build.tx, name, build.unitPath);
  if (template === null) {
    build.problems.add(
      path,
      `there is no connection template ${named(name)}.`,
      'Create it, or correct the name.',
    );
    return null;
  }
  const own = await getConnectionType(build.tx, template.connectionType);
  // Versions of a component declare their connections anew: the key is what stays.
  if (own.key === type.key) return template.id;
  build.problems.add(
    path,
    `the template ${named(name)} is for ${named(own.label)}, not for ${named(type.label)}.`,
    'Choose a template of this kind of connection.',
  );
  return null;
}

function fieldsOf(
  build: Build,
  variable: ConnectionVariable,
  type: ConnectionType | null,
  path: string,
): NewConfigVariable['fields'] {
  return variable.fields.map((field) => {
    if (type !== null && !type.fields.some((candidate) => candidate.key === field.key)) {
      build.problems.add(
        under(under(path, 'inputs'), field.key),
        `${named(type.label)} has no such field.`,
        `It has: ${type.fields.map((candidate) => candidate.key).join(', ') || 'none'}.`,
      );
    }
    return {
      fieldKey: field.key,
      visibility: field.visibility,
      isOrgOnly: field.orgOnly,
      defaultValue: givenValue(field) ?? build.kept.get(variable.stableKey)?.get(field.key) ?? null,
    };
  });
}

/** Null for places left empty, and for those that are filled from elsewhere at run time. */
function givenValue(field: ConnectionField): Plain | null {
  if (field.value.kind !== 'value') return null;
  const { value } = field.value;
  if (value === null || value === '') return null;
  return Plain.fromText(typeof value === 'string' ? value : JSON.stringify(value));
}
