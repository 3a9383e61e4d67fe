// Files of integrations whose steps are actions of the probe. JSON is YAML, so a test writes plain objects.

export type ProbeStep = {
  readonly name: string;
  readonly action: string;
  readonly inputs?: Readonly<Record<string, unknown>>;
  readonly credential?: string;
  readonly errorConfig?: Readonly<Record<string, unknown>>;
};

export type ProbeFlow = {
  readonly name?: string;
  readonly steps: readonly ProbeStep[];
  readonly more?: Readonly<Record<string, unknown>>;
};

export const probe = { key: 'probe', isPublic: false, version: 'LATEST' };

export function probeYaml(options: {
  readonly name?: string;
  readonly variables?: readonly Readonly<Record<string, unknown>>[];
  readonly flows?: readonly ProbeFlow[];
  readonly steps?: readonly ProbeStep[];
}): string {
  const flows = options.flows ?? [{ steps: options.steps ?? [] }];
  return JSON.stringify({
    definitionVersion: 7,
    name: options.name ?? 'Probing',
    description: '',
    requiredConfigVars: options.variables ?? [],
    flows: flows.map((flow, index) => ({
      name: flow.name ?? `Flow ${index + 1}`,
      endpointSecurityType: 'unsecured',
      ...flow.more,
      steps: [
        {
          name: 'Hook',
          isTrigger: true,
          action: {
            component: { key: 'webhook-triggers', isPublic: true, version: 'LATEST' },
            key: 'webhook',
          },
        },
        ...flow.steps.map(({ action, ...step }) => ({ ...step, action: { component: probe, key: action } })),
      ],
    })),
  });
}

/** A connection variable of the probe: `apiKey` or `oauth2`. */
export function probeConnection(
  key: string,
  type: 'apiKey' | 'oauth2',
  more: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  return {
    key,
    stableKey: key.toLowerCase(),
    dataType: 'connection',
    connection: { component: probe, key: type },
    ...more,
  };
}

export const fixed = (value: unknown) => ({ type: 'value', value });
export const variable = (key: string) => ({ type: 'configVar', value: key });
export const result = (path: string) => ({ type: 'reference', value: path });
