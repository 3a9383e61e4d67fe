// A definition is stored and shown as it is, so no secret may stay in it. Values of secret fields that a file brings
// along belong sealed, beside the definition.
import type { ConfigVariable, ConnectionField, ConnectionVariable, Definition } from './definition.ts';

/** Told by who knows the connection type; by default the field's own mark and its name decide. */
export type IsSecretField = (variable: ConnectionVariable, field: ConnectionField) => boolean;

const secretName =
  /secret|passw(?:or)?d|passphrase|private_?key|api_?key|auth_?key|signing_?key|(?:^|_)pin$|token$/i;

export function isSecretByName(_variable: ConnectionVariable, field: ConnectionField): boolean {
  return secretName.test(field.key);
}

export function withoutSecrets(definition: Definition, isSecret: IsSecretField = isSecretByName): Definition {
  return {
    ...definition,
    configVariables: definition.configVariables.map((variable) => emptied(variable, isSecret)),
    flows: definition.flows.map((flow) => ({ ...flow, organizationApiKeys: [] })),
  };
}

function emptied(variable: ConfigVariable, isSecret: IsSecretField): ConfigVariable {
  if (variable.kind !== 'connection') return variable;
  return {
    ...variable,
    fields: variable.fields.map((field) =>
      field.writeOnly || isSecret(variable, field) ? { ...field, value: withoutText(field.value) } : field,
    ),
  };
}

/** A pointer to a config variable is no secret; text is, also inside templates and lists. */
function withoutText(value: ConnectionField['value']): ConnectionField['value'] {
  return value.kind === 'configVariable' || value.kind === 'reference' ? value : { kind: 'value', value: '' };
}
