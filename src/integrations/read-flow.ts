// Reads flows and their steps. Linear for now: a step with branches or a loop body is refused by name.
import { type ErrorPolicy, endpointSecurities, type Flow, type Step, type StepInput } from './definition.ts';
import { Fields } from './fields.ts';
import { named } from './problems.ts';
import { readComponent } from './read-config.ts';
import { readExpression } from './read-expression.ts';

const maxFlows = 200;
const maxSteps = 500;
const maxInputs = 500;

export function readFlows(root: Fields): readonly Flow[] {
  return root.list('flows', maxFlows).map(({ value, path }) => {
    const fields = Fields.of(value, path, root.problems);
    const name = fields.name('name');
    return {
      name,
      stableKey: fields.name('stableKey', { fallback: name }) || name,
      description: fields.text('description', { fallback: '', maxLength: 10_000 }),
      isSynchronous: fields.flag('isSynchronous', false),
      endpointSecurity:
        fields.oneOf('endpointSecurityType', endpointSecurities, 'customer_optional') ?? 'customer_optional',
      organizationApiKeys: fields.texts('organizationApiKeys', 50),
      steps: fields
        .list('steps', maxSteps)
        .map((item) => readStep(Fields.of(item.value, item.path, fields.problems))),
      extra: fields.rest(),
    };
  });
}

function readStep(fields: Fields): Step {
  const name = fields.name('name');
  refuseTurns(fields, name);
  return {
    name,
    stableKey: fields.name('stableKey', { fallback: name }) || name,
    description: fields.text('description', { fallback: '', maxLength: 10_000 }),
    isTrigger: fields.flag('isTrigger', false),
    action: readAction(fields),
    inputs: readInputs(fields),
    credentialVariable: fields.optionalText('credential', 200),
    onError: readErrorPolicy(fields),
    extra: fields.rest(),
  };
}

/** An empty list of branches or loop steps is what designers leave behind; it means nothing. */
function refuseTurns(fields: Fields, name: string): void {
  const turns = { branches: 'branches', steps: 'a loop' } as const;
  for (const [key, word] of Object.entries(turns)) {
    const value = fields.take(key);
    if (value === undefined || (Array.isArray(value) && value.length === 0)) continue;
    fields.wrong(
      key,
      `the step ${named(name)} has ${word}, which this version does not run.`,
      'Write its steps one after the other.',
    );
  }
}

function readAction(fields: Fields): Step['action'] {
  const action = fields.need('action', 'Write the component and the key of its action.');
  const component = readComponent(action);
  const key = action.name('key');
  for (const unknown of Object.keys(action.rest())) action.wrong(unknown, 'is not known here.', 'Remove it.');
  return { component, key };
}

function readInputs(step: Fields): readonly StepInput[] {
  return step.entries('inputs', maxInputs).map(({ key, value, path }) => {
    const input = Fields.of(value, path, step.problems);
    return { name: key, value: readExpression(input), extra: input.rest() };
  });
}

const errorKinds = ['fail', 'ignore', 'retry'] as const;

function readErrorPolicy(step: Fields): ErrorPolicy | null {
  const fields = step.record('errorConfig');
  if (fields === null) return null;
  return {
    kind: fields.oneOf('errorHandlerType', errorKinds, 'fail') ?? 'fail',
    maxAttempts: fields.wholeNumber('maxAttempts', 0, 100),
    delaySeconds: fields.wholeNumber('delaySeconds', 0, 86_400),
    extra: fields.rest(),
  };
}
