// The file format: version 7 of the vendor's YAML, read into our definition and written back.
import { stringify } from 'yaml';
import { checkDefinition } from './check-definition.ts';
import type { Definition } from './definition.ts';
import { definitionTree } from './definition-tree.ts';
import { Fields } from './fields.ts';
import { Problems } from './problems.ts';
import { readConfigPages, readConfigVariables } from './read-config.ts';
import { readFlows } from './read-flow.ts';
import { type IsSecretField, withoutSecrets } from './without-secrets.ts';
import { readYamlTree } from './yaml-tree.ts';

const definitionVersion = 7;

/** Throws `too_large`, or a `DefinitionFault` (`invalid_field`) that carries every problem of the file. */
export function parseDefinition(text: string): Definition {
  const problems = new Problems();
  const root = Fields.of(readYamlTree(text), '', problems);
  problems.throwIfAny();
  if (root.take('definitionVersion') !== definitionVersion) {
    root.wrong(
      'definitionVersion',
      `is not ${definitionVersion}.`,
      `Export the integration anew; only definitionVersion: ${definitionVersion} is read.`,
    );
    // In another version every other field would be wrong as well.
    problems.throwIfAny();
  }
  const definition: Definition = {
    name: root.name('name'),
    description: root.text('description', { fallback: '', maxLength: 10_000 }),
    documentation: root.text('documentation', { fallback: '', maxLength: 500_000 }),
    category: root.text('category', { fallback: '' }),
    labels: root.texts('labels', 100),
    configVariables: readConfigVariables(root),
    configPages: readConfigPages(root),
    flows: readFlows(root),
    extra: root.rest(),
  };
  checkDefinition(definition, problems);
  problems.throwIfAny();
  return definition;
}

/** YAML that `parseDefinition` reads back to the same definition, except that secrets are left empty. */
export function toYaml(definition: Definition, isSecret?: IsSecretField): string {
  const tree = definitionTree(withoutSecrets(definition, isSecret));
  // Anchors of ours would surprise readers; folding would cost the exact text of code.
  return stringify(tree, { aliasDuplicateObjects: false, lineWidth: 0, schema: 'core', version: '1.2' });
}
