// What no single field can tell: names are unique, what is named exists, steps use only what ran before them.
import type { ConfigVariable, Definition, Expression, Flow, ListItem } from './definition.ts';
import { named, type Problems, under } from './problems.ts';
import { parseReference, referenceKey, referenceName } from './reference.ts';
import { parseTemplate } from './template-text.ts';

/** The paths of the file, given that the lists of `definition` are as long as the file's. */
export function checkDefinition(definition: Definition, problems: Problems): void {
  const variables = checkVariables(definition, problems);
  checkPages(definition, variables, problems);
  if (definition.flows.length === 0) {
    problems.add('flows', 'is empty.', 'Write at least one flow with a trigger.');
  }
  checkUnique(definition.flows, 'flows', 'name', problems);
  checkUnique(definition.flows, 'flows', 'stableKey', problems);
  definition.flows.forEach((flow, index) => {
    checkFlow(flow, under('flows', index), variables, problems);
  });
}

type Variables = ReadonlyMap<string, ConfigVariable>;

function checkUnique<K extends string>(
  items: readonly Readonly<Record<K, string>>[],
  path: string,
  key: K,
  problems: Problems,
  normal: (text: string) => string = (text) => text,
): void {
  const first = new Map<string, number>();
  items.forEach((item, index) => {
    const value = normal(item[key]);
    // A missing name is a problem of its own already.
    if (item[key] === '') return;
    const earlier = first.get(value);
    if (earlier === undefined) first.set(value, index);
    else {
      problems.add(
        under(under(path, index), key),
        `is the same as that of ${path}[${earlier}].`,
        'Make it unique.',
      );
    }
  });
}

function checkVariables(definition: Definition, problems: Problems): Variables {
  const variables: Variables = new Map(
    definition.configVariables.map((variable) => [variable.key, variable]),
  );
  checkUnique(definition.configVariables, 'requiredConfigVars', 'key', problems);
  checkUnique(definition.configVariables, 'requiredConfigVars', 'stableKey', problems);
  definition.configVariables.forEach((variable, index) => {
    if (variable.kind !== 'connection') return;
    for (const field of variable.fields) {
      const path = `${under(under(under('requiredConfigVars', index), 'inputs'), field.key)}.value`;
      new ExpressionCheck({ variables, steps: null, problems }).check(field.value, path);
    }
  });
  return variables;
}

function checkPages(definition: Definition, variables: Variables, problems: Problems): void {
  const levels = new Map<string, boolean>();
  definition.configPages.forEach((page, pageIndex) => {
    page.elements.forEach((element, index) => {
      if (element.kind !== 'configVariable') return;
      const path = `configPages[${pageIndex}].elements[${index}].value`;
      if (!variables.has(element.value)) problems.add(path, ...unknownVariable(element.value));
      if ((levels.get(element.value) ?? page.isUserLevel) !== page.isUserLevel) {
        problems.add(path, 'stands on a page for users and on one for the instance.', 'Keep one of the two.');
      }
      levels.set(element.value, page.isUserLevel);
    });
  });
}

function unknownVariable(key: string): [string, string] {
  return [
    `there is no config variable ${named(key)}.`,
    'Declare it under requiredConfigVars or correct the name.',
  ];
}

function checkFlow(flow: Flow, path: string, variables: Variables, problems: Problems): void {
  const stepsPath = under(path, 'steps');
  if (flow.steps.length === 0) {
    problems.add(stepsPath, 'is empty.', 'Write a trigger as the first step.');
    return;
  }
  // Two names that references cannot tell apart are as bad as equal ones.
  checkUnique(flow.steps, stepsPath, 'name', problems, referenceKey);
  checkUnique(flow.steps, stepsPath, 'stableKey', problems);
  const allSteps = new Set(flow.steps.map((step) => referenceKey(step.name)));
  const earlier = new Map<string, string>();
  flow.steps.forEach((step, index) => {
    const at = under(stepsPath, index);
    if (step.isTrigger !== (index === 0)) {
      const problem = index === 0 ? 'the first step is not the trigger.' : 'a second trigger.';
      problems.add(
        under(at, 'isTrigger'),
        problem,
        'Mark the first step, and only it, with isTrigger: true.',
      );
    }
    if (step.name !== '' && referenceKey(step.name) === '') {
      problems.add(
        under(at, 'name'),
        'has no letter or digit.',
        'Use letters, so that other steps can refer to it.',
      );
    }
    const check = new ExpressionCheck({ variables, steps: { all: allSteps, earlier }, problems });
    for (const input of step.inputs) {
      check.check(input.value, `${under(under(at, 'inputs'), input.name)}.value`);
    }
    checkCredential(step.credentialVariable, under(at, 'credential'), variables, problems);
    earlier.set(referenceKey(step.name), step.name);
  });
}

function checkCredential(key: string | null, path: string, variables: Variables, problems: Problems): void {
  if (key === null) return;
  const variable = variables.get(key);
  if (variable === undefined) problems.add(path, ...unknownVariable(key));
  else if (variable.kind !== 'connection') {
    problems.add(
      path,
      `${named(key)} is not a credential.`,
      'Name a config variable of dataType credential.',
    );
  }
}

type Steps = { readonly all: ReadonlySet<string>; readonly earlier: ReadonlyMap<string, string> };

class ExpressionCheck {
  readonly #variables: Variables;
  /** Null where no step can be referred to. */
  readonly #steps: Steps | null;
  readonly #problems: Problems;

  constructor(scope: {
    readonly variables: Variables;
    readonly steps: Steps | null;
    readonly problems: Problems;
  }) {
    this.#variables = scope.variables;
    this.#steps = scope.steps;
    this.#problems = scope.problems;
  }

  check(expression: Expression, path: string): void {
    switch (expression.kind) {
      case 'value':
        return;
      case 'configVariable':
        if (expression.key !== null && !this.#variables.has(expression.key)) {
          this.#problems.add(path, ...unknownVariable(expression.key));
        }
        return;
      case 'reference':
        if (expression.path !== null) this.#reference(expression.path, path);
        return;
      case 'template':
        this.#template(expression.text, path);
        return;
      case 'list':
        this.#items(expression.items, path);
    }
  }

  #items(items: readonly ListItem[], path: string): void {
    items.forEach((item, index) => {
      const at = under(path, index);
      if (item.kind === 'group') this.#items(item.items, at);
      if (item.kind !== 'entry') return;
      if (item.name !== null) this.check(item.name, under(at, 'name'));
      this.check(item.value, under(at, 'value'));
    });
  }

  #template(text: string, path: string): void {
    const parts = parseTemplate(text);
    // A broken template was told when it was read.
    if (typeof parts === 'string') return;
    for (const part of parts) {
      if (part.kind === 'reference') this.#reference(part.path, path);
      if (part.kind !== 'configVariable') continue;
      const variable = this.#variables.get(part.key);
      // A connection's template speaks of its own fields (`{{#subdomain}}`), which its component declares.
      if (variable === undefined && this.#steps !== null)
        this.#problems.add(path, ...unknownVariable(part.key));
      if (variable?.kind === 'connection') {
        this.#problems.add(path, `${named(part.key)} is a connection.`, 'Only values can stand in a text.');
      }
    }
  }

  #reference(text: string, path: string): void {
    const reference = parseReference(text);
    if (typeof reference === 'string' || this.#steps === null) return;
    const key = referenceKey(reference.step);
    if (this.#steps.earlier.has(key)) return;
    if (this.#steps.all.has(key)) {
      this.#problems.add(
        path,
        `the step ${named(reference.step)} has not run yet.`,
        'Refer to an earlier step.',
      );
      return;
    }
    const known = [...this.#steps.earlier.values()].slice(-10).map(referenceName);
    const cure =
      known.length === 0 ? 'No step runs before this one.' : `Earlier steps are ${known.join(', ')}.`;
    this.#problems.add(path, `there is no step ${named(reference.step)}.`, cure);
  }
}
