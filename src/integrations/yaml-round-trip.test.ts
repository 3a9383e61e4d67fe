import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Definition } from './definition.ts';
import { codeOf, example } from './page-example.fixture.ts';
import { parseDefinition, toYaml } from './yaml.ts';

// Random definitions. Names are drawn from text that YAML likes to misread.
const oddText = fc.oneof(
  fc.constantFrom(
    'yes',
    'null',
    '07',
    '1e3',
    '- a',
    '{{',
    '# x',
    ' a',
    "it's",
    '"',
    'a: b',
    '<<',
    '~',
    '0x1f',
    '\ta\n b\n',
    '\u0085',
    '\u2028',
    '&a',
    '*a',
    '!x',
    '%',
    '@',
    '>',
    '|',
    'constructor',
    'toString',
  ),
  fc.string({ unit: 'grapheme', maxLength: 20 }).filter((text) => !text.includes('\0')),
);
const nameText = oddText.filter((text) => text.trim() !== '' && text !== '__proto__');
const jsonValue = fc
  .jsonValue({ maxDepth: 2 })
  .map((value) =>
    JSON.parse(
      JSON.stringify(value)
        .replaceAll('\\u0000', '')
        .replace(/\b-0\b/g, '0'),
    ),
  )
  .filter((value) => isReadable(value));

function isReadable(value: unknown): boolean {
  if (typeof value === 'number') return !Number.isInteger(value) || Number.isSafeInteger(value);
  if (typeof value === 'string') return !/[\0\p{Cs}]/u.test(value);
  if (Array.isArray(value)) return value.every(isReadable);
  return value === null || typeof value !== 'object'
    ? true
    : Object.entries(value).every(
        ([key, inner]) => key !== '__proto__' && isReadable(key) && isReadable(inner),
      );
}

const component = fc.record({
  key: nameText,
  isPublic: fc.boolean(),
  version: fc.oneof(
    fc.constant({ kind: 'latest' as const }),
    fc.record({
      kind: fc.constant('number' as const),
      versionNo: fc.integer({ min: 1, max: 2_147_483_647 }),
    }),
    fc.record({ kind: fc.constant('signature' as const), signature: nameText }),
  ),
});
const visibility = fc.constantFrom('shown' as const, 'embedded' as const, 'hidden' as const);

const definitionText = fc
  .record({
    name: nameText,
    description: oddText,
    labels: fc.array(oddText, { maxLength: 3 }),
    keys: fc.uniqueArray(nameText, { minLength: 1, maxLength: 4 }),
    steps: fc.uniqueArray(fc.stringMatching(/^[A-Z][a-z0-9 ]{0,8}$/), {
      minLength: 1,
      maxLength: 5,
      selector: (step) => step.toLowerCase().replace(/[^a-z0-9]/g, ''),
    }),
    component,
    visibility,
    values: fc.array(jsonValue, { minLength: 6, maxLength: 6 }),
    flags: fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }),
    fieldKeys: fc.uniqueArray(
      nameText.filter((key) => !/secret|pass|key|token|pin/i.test(key)),
      { maxLength: 3 },
    ),
    inputName: nameText,
    extra: fc.dictionary(fc.stringMatching(/^x[a-z]{1,5}$/), jsonValue, { maxKeys: 3 }),
  })
  .map((seed): Definition => {
    const flag = (index: number) => seed.flags[index] ?? false;
    const value = (index: number) => seed.values[index] ?? null;
    const [firstKey = 'k'] = seed.keys;
    const common = { description: seed.description, orgOnly: flag(0), visibility: seed.visibility };
    return {
      name: seed.name,
      description: seed.description,
      documentation: seed.description.repeat(3),
      category: '',
      labels: seed.labels,
      configVariables: seed.keys.map((key, index) =>
        index % 2 === 0
          ? {
              kind: 'value',
              key,
              stableKey: key,
              isRequired: flag(1),
              ...common,
              dataType: 'string',
              default: value(0),
              collection: flag(2) ? 'pairs' : 'single',
              pickList: seed.labels,
              extra: seed.extra,
            }
          : {
              kind: 'connection',
              key,
              stableKey: key,
              isRequired: flag(1),
              ...common,
              source: flag(3)
                ? {
                    kind: 'component',
                    component: seed.component,
                    connectionKey: seed.name,
                    template: flag(4) ? seed.name : null,
                  }
                : { kind: 'credential', connectionTypes: flag(5) ? ['basic', 'api_key'] : [] },
              fields: seed.fieldKeys.map((fieldKey, fieldIndex) => ({
                key: fieldKey,
                value: { kind: 'value', value: value(fieldIndex) },
                visibility: seed.visibility,
                orgOnly: flag(fieldIndex),
                writeOnly: false,
                extra: seed.extra,
              })),
              redirects: { success: flag(0) ? 'https://a.example/x?y=1' : null, failure: null },
              extra: flag(2) ? { ...seed.extra, meta: { more: value(1) } } : seed.extra,
            },
      ),
      configPages: [
        {
          name: seed.name,
          tagline: seed.description,
          isUserLevel: flag(5),
          elements: [
            { kind: 'configVariable', value: firstKey, extra: seed.extra },
            { kind: 'html', value: seed.description, extra: {} },
          ],
          extra: seed.extra,
        },
      ],
      flows: [
        {
          name: seed.name,
          stableKey: seed.name,
          description: seed.description,
          isSynchronous: flag(1),
          endpointSecurity: 'organization',
          organizationApiKeys: [],
          extra: seed.extra,
          steps: seed.steps.map((step, index) => ({
            name: step,
            stableKey: step,
            description: seed.description,
            isTrigger: index === 0,
            action: { component: seed.component, key: seed.name },
            credentialVariable: null,
            onError: flag(2) ? { kind: 'retry', maxAttempts: 3, delaySeconds: 1, extra: seed.extra } : null,
            extra: {},
            inputs: [
              { name: `${seed.inputName}1`, value: { kind: 'value', value: value(2) }, extra: seed.extra },
              {
                name: `${seed.inputName}2`,
                value: { kind: 'configVariable', key: flag(3) ? firstKey : null },
                extra: {},
              },
              {
                name: `${seed.inputName}3`,
                value:
                  index === 0
                    ? { kind: 'template', text: seed.description.replaceAll('{{', '') }
                    : {
                        kind: 'reference',
                        path: `${(seed.steps[0] ?? '').replaceAll(' ', '')}.results.a b[3]["x.\\"y"].0`,
                      },
                extra: {},
              },
              {
                name: `${seed.inputName}4`,
                extra: {},
                value: {
                  kind: 'list',
                  items: [
                    { kind: 'bare', value: seed.description },
                    {
                      kind: 'group',
                      items: [
                        { kind: 'bare', value: flag(0) },
                        { kind: 'group', items: [] },
                      ],
                    },
                    {
                      kind: 'entry',
                      name: flag(4)
                        ? { kind: 'value', value: seed.name }
                        : { kind: 'configVariable', key: firstKey },
                      value: { kind: 'value', value: value(3) },
                      extra: seed.extra,
                    },
                    { kind: 'entry', name: null, value: { kind: 'list', items: [] }, extra: {} },
                  ],
                },
              },
            ],
          })),
        },
      ],
      extra: seed.extra,
    };
  });

test('any definition is read back as it was written', () => {
  fc.assert(
    fc.property(definitionText, (definition) => {
      expect(parseDefinition(toYaml(definition))).toEqual(definition);
    }),
    { numRuns: 100 },
  );
});

test('whatever text comes in, the answer is a definition or a fault', () => {
  const lines = example.split('\n');
  const mutation = fc.record({
    line: fc.nat({ max: lines.length - 1 }),
    text: fc.oneof(
      oddText,
      fc.constantFrom('', '  - a', 'x: [', '&a b', '  key: *a', 'flows: 1', 'steps: {}', '- - -'),
    ),
  });
  fc.assert(
    fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), (mutations) => {
      const changed = [...lines];
      for (const { line, text } of mutations) changed[line] = text;
      expect(['read', 'too_large', 'invalid_field']).toContain(codeOf(changed.join('\n')));
    }),
    { numRuns: 100 },
  );
});
