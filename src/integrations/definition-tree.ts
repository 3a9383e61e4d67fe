// The way back: our definition as the tree of the vendor's file. Fields in the order that people read them in.
import type {
  ComponentRef,
  ConfigVariable,
  ConnectionField,
  ConnectionVariable,
  Definition,
  Expression,
  Extra,
  Flow,
  Json,
  ListItem,
  Step,
  Visibility,
} from './definition.ts';
import { isRecord } from './fields.ts';

type Tree = { readonly [key: string]: Json };

export function definitionTree(definition: Definition): Tree {
  return {
    definitionVersion: 7,
    name: definition.name,
    description: definition.description,
    category: definition.category,
    documentation: definition.documentation,
    labels: definition.labels,
    ...definition.extra,
    requiredConfigVars: definition.configVariables.map(variableTree),
    configPages: definition.configPages.map((page) => ({
      name: page.name,
      tagline: page.tagline,
      userLevelConfigured: page.isUserLevel,
      ...page.extra,
      elements: page.elements.map((element) => ({
        type: { configVariable: 'configVar', html: 'htmlElement', jsonForm: 'jsonForm' }[element.kind],
        value: element.value,
        ...element.extra,
      })),
    })),
    flows: definition.flows.map(flowTree),
  };
}

function variableTree(variable: ConfigVariable): Tree {
  const head = {
    key: variable.key,
    stableKey: variable.stableKey,
    description: variable.description,
    ...(variable.isRequired ? {} : { required: false }),
    orgOnly: variable.orgOnly,
  };
  if (variable.kind === 'value') {
    return {
      ...head,
      dataType: variable.dataType,
      ...(variable.default === null ? {} : { defaultValue: variable.default }),
      ...(variable.collection === 'single'
        ? {}
        : { collectionType: variable.collection === 'list' ? 'valuelist' : 'keyvaluelist' }),
      ...(variable.pickList.length === 0 ? {} : { pickList: variable.pickList }),
      ...variable.extra,
      meta: { ...visibilityTree(variable.visibility), ...metaOf(variable.extra) },
    };
  }
  const { success, failure } = variable.redirects;
  return {
    ...head,
    ...sourceTree(variable),
    inputs: fromEntries(variable.fields, (field) => [field.key, fieldTree(field)]),
    ...variable.extra,
    meta: {
      ...visibilityTree(variable.visibility),
      ...(success === null ? {} : { oAuthSuccessRedirectUri: success }),
      ...(failure === null ? {} : { oAuthFailureRedirectUri: failure }),
      ...metaOf(variable.extra),
    },
  };
}

const firstGenerationNames = {
  api_key_secret: 'apiKeySecret',
  basic: 'basic',
  private_key: 'privateKey',
  api_key: 'apiKey',
  oauth2: 'oauth2',
  oauth2_client_credentials: 'oauth2ClientCredentials',
} as const;

function sourceTree({ source }: ConnectionVariable): Tree {
  switch (source.kind) {
    case 'component':
      return {
        dataType: 'connection',
        connection: {
          component: componentTree(source.component),
          key: source.connectionKey,
          ...(source.template === null ? {} : { template: source.template }),
        },
      };
    case 'shared':
      return { dataType: 'connection', useScopedConfigVar: source.stableKey };
    case 'credential':
      return {
        dataType: 'credential',
        credentialTypes: source.connectionTypes.map((type) => firstGenerationNames[type]),
      };
  }
}

function fieldTree(field: ConnectionField): Tree {
  return {
    ...expressionTree(field.value),
    ...field.extra,
    meta: {
      orgOnly: field.orgOnly,
      ...visibilityTree(field.visibility),
      ...(field.writeOnly ? { writeOnly: true } : {}),
      ...metaOf(field.extra),
    },
  };
}

function visibilityTree(visibility: Visibility): Tree {
  return {
    visibleToOrgDeployer: visibility !== 'hidden',
    visibleToCustomerDeployer: visibility === 'shown',
  };
}

function metaOf(extra: Extra): Tree {
  return isRecord(extra.meta) ? extra.meta : {};
}

function componentTree({ key, isPublic, version }: ComponentRef): Tree {
  switch (version.kind) {
    case 'latest':
      return { key, isPublic, version: 'LATEST' };
    case 'number':
      return { key, isPublic, version: version.versionNo };
    case 'signature':
      return { key, isPublic, signature: version.signature };
  }
}

function flowTree(flow: Flow): Tree {
  return {
    name: flow.name,
    stableKey: flow.stableKey,
    description: flow.description,
    isSynchronous: flow.isSynchronous,
    endpointSecurityType: flow.endpointSecurity,
    ...(flow.organizationApiKeys.length === 0 ? {} : { organizationApiKeys: flow.organizationApiKeys }),
    ...flow.extra,
    steps: flow.steps.map(stepTree),
  };
}

function stepTree(step: Step): Tree {
  return {
    name: step.name,
    stableKey: step.stableKey,
    description: step.description,
    isTrigger: step.isTrigger,
    action: { component: componentTree(step.action.component), key: step.action.key },
    ...(step.credentialVariable === null ? {} : { credential: step.credentialVariable }),
    inputs: fromEntries(step.inputs, (input) => [
      input.name,
      { ...expressionTree(input.value), ...input.extra },
    ]),
    ...(step.onError === null
      ? {}
      : {
          errorConfig: {
            errorHandlerType: step.onError.kind,
            maxAttempts: step.onError.maxAttempts,
            delaySeconds: step.onError.delaySeconds,
            ...step.onError.extra,
          },
        }),
    ...step.extra,
  };
}

function expressionTree(expression: Expression): Tree {
  switch (expression.kind) {
    case 'value':
      return { type: 'value', value: expression.value };
    case 'configVariable':
      return { type: 'configVar', value: expression.key ?? '' };
    case 'reference':
      return { type: 'reference', value: expression.path ?? '' };
    case 'template':
      return { type: 'template', value: expression.text };
    case 'list':
      return { type: 'complex', value: expression.items.map(itemTree) };
  }
}

function itemTree(item: ListItem): Json {
  switch (item.kind) {
    case 'bare':
      return item.value;
    case 'group':
      return item.items.map(itemTree);
    case 'entry': {
      const name = item.name === null ? {} : { name: nameTree(item.name) };
      return { ...name, ...expressionTree(item.value), ...item.extra };
    }
  }
}

function nameTree(name: Expression): Json {
  return name.kind === 'value' && typeof name.value === 'string' ? name.value : expressionTree(name);
}

function fromEntries<T>(items: readonly T[], entry: (item: T) => readonly [string, Json]): Tree {
  return Object.fromEntries(items.map(entry));
}
