// What an integration version does, in our words: its config variables, the pages that ask for them, and its flows.
// Plain data without classes or maps, so that it is stored as JSON and compared field by field.

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
/** Fields of the file that we do not use, as they stood; a definition leaves with everything it came with. */
export type Extra = { readonly [field: string]: Json };

export type Definition = {
  readonly name: string;
  readonly description: string;
  readonly documentation: string;
  readonly category: string;
  readonly labels: readonly string[];
  readonly configVariables: readonly ConfigVariable[];
  readonly configPages: readonly ConfigPage[];
  readonly flows: readonly Flow[];
  readonly extra: Extra;
};

export type ComponentRef = {
  readonly key: string;
  /** True for a component of the installation, false for one of the organization's own. */
  readonly isPublic: boolean;
  readonly version:
    | { readonly kind: 'latest' }
    | { readonly kind: 'number'; readonly versionNo: number }
    | { readonly kind: 'signature'; readonly signature: string };
};

/** Who meets a field while configuring: everybody, only the embedding application through its script, or nobody. */
export type Visibility = 'shown' | 'embedded' | 'hidden';

export type ConfigVariable = ConnectionVariable | ValueVariable;

type VariableCommon = {
  /** What steps refer to and people read. */
  readonly key: string;
  /** What an upgrade carries values by; the key where the file gives none. */
  readonly stableKey: string;
  readonly description: string;
  readonly isRequired: boolean;
  readonly visibility: Visibility;
  readonly orgOnly: boolean;
  readonly extra: Extra;
};

export type ConnectionVariable = VariableCommon & {
  readonly kind: 'connection';
  readonly source: ConnectionSource;
  readonly fields: readonly ConnectionField[];
  /** Where the browser goes after the consent; null shows our own page. */
  readonly redirects: { readonly success: string | null; readonly failure: string | null };
};

export type ConnectionSource =
  | {
      readonly kind: 'component';
      readonly component: ComponentRef;
      /** Key of the connection type inside the component. */
      readonly connectionKey: string;
      readonly template: string | null;
    }
  /** Held once at the organization or the customer, under this stable key. */
  | { readonly kind: 'shared'; readonly stableKey: string }
  /** First generation: any stored credential of one of these built-in connection types; empty means any type. */
  | { readonly kind: 'credential'; readonly connectionTypes: readonly BuiltInType[] };

export const builtInTypes = [
  'api_key_secret',
  'basic',
  'private_key',
  'api_key',
  'oauth2',
  'oauth2_client_credentials',
] as const;
export type BuiltInType = (typeof builtInTypes)[number];

export type ConnectionField = {
  readonly key: string;
  readonly value: Expression;
  readonly visibility: Visibility;
  readonly orgOnly: boolean;
  /** Set once, never handed out again. */
  readonly writeOnly: boolean;
  readonly extra: Extra;
};

export const valueTypes = [
  'string',
  'number',
  'boolean',
  'date',
  'timestamp',
  'picklist',
  'schedule',
  'code',
  'objectSelection',
  'objectFieldMap',
  'jsonForm',
] as const;
export type ValueType = (typeof valueTypes)[number];

export type ValueVariable = VariableCommon & {
  readonly kind: 'value';
  readonly dataType: ValueType;
  /** Null when the file gives none. */
  readonly default: Json;
  readonly collection: 'single' | 'list' | 'pairs';
  readonly pickList: readonly string[];
};

export type ConfigPage = {
  readonly name: string;
  readonly tagline: string;
  /** Filled in by each user of an instance for himself. */
  readonly isUserLevel: boolean;
  readonly elements: readonly ConfigPageElement[];
  readonly extra: Extra;
};

export type ConfigPageElement = {
  readonly kind: 'configVariable' | 'html' | 'jsonForm';
  /** The key of a config variable, or markup (shown only after sanitizing). */
  readonly value: string;
  readonly extra: Extra;
};

export const endpointSecurities = [
  'unsecured',
  'customer_optional',
  'customer_required',
  'organization',
] as const;

export type Flow = {
  readonly name: string;
  readonly stableKey: string;
  readonly description: string;
  /** The caller of the trigger waits for the last step. */
  readonly isSynchronous: boolean;
  readonly endpointSecurity: (typeof endpointSecurities)[number];
  readonly organizationApiKeys: readonly string[];
  /** The first is the trigger; each runs after the one before it. */
  readonly steps: readonly Step[];
  readonly extra: Extra;
};

export type Step = {
  readonly name: string;
  readonly stableKey: string;
  readonly description: string;
  readonly isTrigger: boolean;
  readonly action: { readonly component: ComponentRef; readonly key: string };
  readonly inputs: readonly StepInput[];
  /** First generation: the key of the config variable whose credential the step's context gets. */
  readonly credentialVariable: string | null;
  readonly onError: ErrorPolicy | null;
  readonly extra: Extra;
};

export type StepInput = { readonly name: string; readonly value: Expression; readonly extra: Extra };

export type ErrorPolicy = {
  readonly kind: 'fail' | 'ignore' | 'retry';
  readonly maxAttempts: number;
  readonly delaySeconds: number;
  readonly extra: Extra;
};

/** Where the value of an input comes from. Null keys and paths are places that were left empty. */
export type Expression =
  | { readonly kind: 'value'; readonly value: Json }
  | { readonly kind: 'configVariable'; readonly key: string | null }
  | { readonly kind: 'reference'; readonly path: string | null }
  | { readonly kind: 'template'; readonly text: string }
  | { readonly kind: 'list'; readonly items: readonly ListItem[] };

export type ListItem =
  /** With a name it resolves to a pair `{key, value}`, without one to the value. */
  | {
      readonly kind: 'entry';
      readonly name: Expression | null;
      readonly value: Expression;
      readonly extra: Extra;
    }
  | { readonly kind: 'group'; readonly items: readonly ListItem[] }
  | { readonly kind: 'bare'; readonly value: null | boolean | number | string };

/** The level at which a variable is filled in: the pages that show it decide. */
export function levelOf(definition: Definition, variableKey: string): 'instance' | 'user' {
  const onUserPage = definition.configPages.some(
    (page) =>
      page.isUserLevel &&
      page.elements.some((element) => element.kind === 'configVariable' && element.value === variableKey),
  );
  return onUserPage ? 'user' : 'instance';
}
