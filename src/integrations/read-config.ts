// Reads config variables and config pages out of the file. The vendor's names of fields stand here, its `meta` flags
// become our visibility.
import {
  type BuiltInType,
  builtInTypes,
  type ComponentRef,
  type ConfigPage,
  type ConfigVariable,
  type ConnectionField,
  type ConnectionSource,
  type Extra,
  type Json,
  type Visibility,
  valueTypes,
} from './definition.ts';
import { Fields, kindOf } from './fields.ts';
import { readExpression } from './read-expression.ts';

const maxVariables = 500;
const maxFields = 200;

export function readConfigVariables(root: Fields): readonly ConfigVariable[] {
  return root.list('requiredConfigVars', maxVariables).map(({ value, path }) => {
    return readVariable(Fields.of(value, path, root.problems));
  });
}

const dataTypes = [...valueTypes, 'connection', 'credential'] as const;

/** A broken variable is read as well as it can be, so that those who refer to it are not called wrong too. */
function readVariable(fields: Fields): ConfigVariable {
  const key = fields.name('key');
  const dataType = fields.oneOf('dataType', dataTypes) ?? 'string';
  const orgOnly = fields.flag('orgOnly', false);
  const meta = fields.record('meta');
  const common = {
    key,
    stableKey: fields.name('stableKey', { fallback: key }) || key,
    description: fields.text('description', { fallback: '', maxLength: 10_000 }),
    isRequired: fields.flag('required', true),
    orgOnly,
    visibility: readVisibility(meta, orgOnly),
  };
  if (dataType === 'connection' || dataType === 'credential') {
    const source = dataType === 'connection' ? readSource(fields) : readCredentialSource(fields);
    const redirects = {
      success: readRedirect(meta, 'oAuthSuccessRedirectUri'),
      failure: readRedirect(meta, 'oAuthFailureRedirectUri'),
    };
    const connectionFields = readConnectionFields(fields);
    return {
      kind: 'connection',
      ...common,
      source,
      fields: connectionFields,
      redirects,
      extra: leftOver(fields, meta),
    };
  }
  const collectionType = fields.oneOf('collectionType', ['', 'valuelist', 'keyvaluelist'], '');
  const collection =
    collectionType === 'valuelist' ? 'list' : collectionType === 'keyvaluelist' ? 'pairs' : 'single';
  const pickList = fields.texts('pickList', 10_000);
  const value: Json = fields.take('defaultValue') ?? null;
  return {
    kind: 'value',
    ...common,
    dataType,
    default: value,
    collection,
    pickList,
    extra: leftOver(fields, meta),
  };
}

function readSource(fields: Fields): ConnectionSource {
  const shared = fields.optionalText('useScopedConfigVar', 200);
  if (shared !== null) {
    if (fields.take('connection') !== undefined) {
      fields.wrong('connection', 'stands beside useScopedConfigVar.', 'Keep one of the two.');
    }
    return { kind: 'shared', stableKey: shared };
  }
  const connection = fields.need(
    'connection',
    'Name a component and the key of its connection, or write useScopedConfigVar.',
  );
  const component = readComponent(connection);
  const connectionKey = connection.name('key');
  const template = connection.optionalText('template', 200);
  refuseRest(connection);
  return { kind: 'component', component, connectionKey, template };
}

const firstGenerationTypes: ReadonlyMap<string, BuiltInType> = new Map([
  ...builtInTypes.map((type) => [type, type] as const),
  ['apiKeySecret', 'api_key_secret'],
  ['privateKey', 'private_key'],
  ['apiKey', 'api_key'],
  ['oauth2ClientCredentials', 'oauth2_client_credentials'],
]);

function readCredentialSource(fields: Fields): ConnectionSource {
  const types = fields.texts('credentialTypes', 20).flatMap((name) => {
    const type = firstGenerationTypes.get(name);
    if (type === undefined) {
      fields.wrong(
        'credentialTypes',
        'has an unknown type.',
        `Write ${[...firstGenerationTypes.keys()].join(', ')}.`,
      );
    }
    return type === undefined ? [] : [type];
  });
  return { kind: 'credential', connectionTypes: [...new Set(types)] };
}

/** `component: {key, isPublic, version | signature}` of a connection or an action. */
export function readComponent(parent: Fields): ComponentRef {
  const fields = parent.need('component', 'Write key, isPublic and version of the component.');
  const key = fields.name('key');
  const isPublic = fields.flag('isPublic', false);
  const signature = fields.optionalText('signature', 200);
  const version = fields.take('version');
  refuseRest(fields);
  if (signature !== null) return { key, isPublic, version: { kind: 'signature', signature } };
  if (version === undefined || version === 'LATEST') return { key, isPublic, version: { kind: 'latest' } };
  if (typeof version === 'number' && Number.isInteger(version) && version > 0 && version <= 2_147_483_647) {
    return { key, isPublic, version: { kind: 'number', versionNo: version } };
  }
  fields.wrong('version', `is ${kindOf(version)}.`, 'Write a version number without quotes, or LATEST.');
  return { key, isPublic, version: { kind: 'latest' } };
}

/** References are exact: a field that we do not know could change which thing is meant. */
function refuseRest(fields: Fields): void {
  for (const key of Object.keys(fields.rest())) {
    fields.wrong(key, 'is not known here.', 'Remove it.');
  }
}

function readConnectionFields(fields: Fields): readonly ConnectionField[] {
  return fields.entries('inputs', maxFields).map(({ key, value, path }) => {
    const field = Fields.of(value, path, fields.problems);
    const expression = readExpression(field);
    if (expression.kind === 'reference') {
      field.wrong(
        'type',
        'is a reference.',
        'Write value, configVar, template or complex: no step has run yet.',
      );
    }
    const meta = field.record('meta');
    const orgOnly = meta?.flag('orgOnly', false) ?? false;
    const visibility = readVisibility(meta, orgOnly);
    const writeOnly = meta?.flag('writeOnly', false) ?? false;
    return { key, value: expression, orgOnly, visibility, writeOnly, extra: leftOver(field, meta) };
  });
}

/**
 * The file says who sees a field by two flags. Hidden from the organization yet shown to customers has no word of
 * ours; it counts as shown, and the odd flag stays in `extra.meta`, so that it is written back.
 */
function readVisibility(meta: Fields | null, orgOnly: boolean): Visibility {
  if (meta === null) return orgOnly ? 'embedded' : 'shown';
  const oldOrg = meta.flag('isVisibleToOrgDeployer', true);
  const oldCustomer = meta.flag('isVisibleToCustomerDeployer', !orgOnly);
  const toOrg = meta.flag('visibleToOrgDeployer', oldOrg);
  const toCustomer = meta.flag('visibleToCustomerDeployer', oldCustomer);
  if (toCustomer) return 'shown';
  return toOrg ? 'embedded' : 'hidden';
}

function readRedirect(meta: Fields | null, key: string): string | null {
  const url = meta?.optionalText(key) ?? null;
  if (url === null || meta === null) return null;
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    meta.wrong(key, 'is not a web address.', 'Write a whole URL that begins with https://.');
  }
  return url;
}

/** Unknown fields, with what is left of `meta` in its place. */
function leftOver(fields: Fields, meta: Fields | null): Extra {
  if (meta === null) return fields.rest();
  const rest: Record<string, Json> = { ...meta.rest() };
  const toOrg = meta.take('visibleToOrgDeployer') ?? meta.take('isVisibleToOrgDeployer');
  const toCustomer = meta.take('visibleToCustomerDeployer') ?? meta.take('isVisibleToCustomerDeployer');
  if (toOrg === false && toCustomer === true) rest.visibleToOrgDeployer = false;
  return Object.keys(rest).length === 0 ? fields.rest() : { ...fields.rest(), meta: rest };
}

const elementKinds = { configVar: 'configVariable', htmlElement: 'html', jsonForm: 'jsonForm' } as const;
const elementTypes = ['configVar', 'htmlElement', 'jsonForm'] as const;

export function readConfigPages(root: Fields): readonly ConfigPage[] {
  return root.list('configPages', 200).map(({ value, path }) => {
    const page = Fields.of(value, path, root.problems);
    const elements = page.list('elements', 500).map((item) => {
      const element = Fields.of(item.value, item.path, page.problems);
      const kind = elementKinds[element.oneOf('type', elementTypes) ?? 'htmlElement'];
      const content = element.text('value', { fallback: '', maxLength: 100_000 });
      return { kind, value: content, extra: element.rest() };
    });
    return {
      name: page.text('name', { fallback: '' }),
      tagline: page.text('tagline', { fallback: '', maxLength: 2_000 }),
      isUserLevel: page.flag('userLevelConfigured', false),
      elements,
      extra: page.rest(),
    };
  });
}
